"""How far QNN goes without Qualcomm's SDK: the refusals, and the lowering with a made-up compiler."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from pte_foundry.backends.lowering import Lowered, LoweringRequest
from pte_foundry.backends.qnn import lowering as qnn
from pte_foundry.errors import PteError
from pte_foundry.inspection.delegation import inspect_program
from pte_foundry.inspection.payloads import delegate_payloads

_VERSION = "2.37.0.250724"


class _Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        self.head = nn.Linear(144, 2)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = torch.relu(self.norm(self.convolution(x)))
        return self.head(features.flatten(1))  # type: ignore[no-any-return]


def _program() -> ExportedProgram:
    torch.manual_seed(0)
    with torch.no_grad():
        return torch.export.export(_Model().eval(), (torch.ones(1, 3, 8, 8),), strict=False)


def _lower(precision: str = "fp32", **options: str) -> Lowered:
    return qnn.lower(LoweringRequest(_program(), precision, options))


def _refusal(precision: str = "fp32", **options: str) -> PteError:
    with pytest.raises(PteError) as caught:
        _lower(precision, **options)
    return caught.value


class _Downloads:
    """An import hook that fails the test instead of letting Qualcomm's package be imported."""

    def find_spec(self, name: str, path: object, target: object = None) -> ModuleSpec | None:
        assert not name.startswith("executorch.backends.qualcomm"), f"{name} would download an SDK"
        return None


@pytest.fixture()
def no_qualcomm(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("executorch.backends.qualcomm")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_Downloads(), *sys.meta_path])


@pytest.fixture()
def sdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    libraries = tmp_path / "lib/x86_64-linux-clang"
    libraries.mkdir(parents=True)
    (libraries / "libQnnHtp.so").symlink_to(Path(torch.__file__).parent / "lib" / "libc10.so")
    (tmp_path / "sdk.yaml").write_text(f"version: {_VERSION}\n")
    monkeypatch.setenv("QNN_SDK_ROOT", str(tmp_path))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(libraries))
    return tmp_path


def test_without_an_sdk_nothing_of_qualcomm_is_imported(
    no_qualcomm: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QNN_SDK_ROOT", raising=False)
    assert _refusal().kind == "sdk-missing"
    with pytest.raises(PteError, match="sdk-missing: QNN_SDK_ROOT is not set"):
        qnn.check_environment()


def test_what_is_refused_before_the_sdk_is_looked_for(
    no_qualcomm: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QNN_SDK_ROOT", raising=False)
    assert _refusal("fp16").kind == "unsupported-precision"
    assert _refusal(chip="SM8650").kind == "bad-option"


def test_an_sdk_of_another_version_than_the_wheel_is_written_for(sdk: Path) -> None:
    (sdk / "sdk.yaml").write_text("version: 2.47.0.260601\n")
    error = _refusal()
    assert error.kind == "sdk-version"
    assert f"written for {_VERSION}" in error.message


@pytest.mark.parametrize("chip", ["SM9999", "sm8650", "UNKNOWN_SM", ""])
def test_a_chip_that_is_not_in_the_table_of_the_wheel(sdk: Path, chip: str) -> None:
    error = _refusal(soc_model=chip)
    assert error.kind == "bad-option"
    assert "SM8450" in error.message and "SM8850" in error.message
    # Known before there is a model, too.
    with pytest.raises(PteError, match="SM8450") as caught:
        qnn.check_options({"soc_model": chip})
    assert caught.value.kind == "bad-option"
    qnn.check_options({"soc_model": "SM8450"})


def test_a_compiler_that_cannot_be_loaded(sdk: Path) -> None:
    library = sdk / "lib/x86_64-linux-clang/libQnnHtp.so"
    library.unlink()
    library.write_bytes(b"no library")
    assert "libQnnHtp.so cannot be loaded" in _refusal().message


def test_a_library_that_is_no_compiler(sdk: Path) -> None:
    error = _refusal()
    assert error.kind == "sdk-missing"
    assert "Failed to initialize QNN backend" in error.message


class _Compiler:
    """Takes the place of the SDK: has `refused` operators, and compiles to a list of the others."""

    refused: Sequence[str] = ()

    def __init__(self, options: bytes) -> None:
        self._graphs: list[str] = []

    def InitBackend(self) -> SimpleNamespace:
        return SimpleNamespace(value=0)

    def Destroy(self) -> None:
        pass

    def InitContext(self, graphs: list[str]) -> None:
        self._graphs = graphs

    def DestroyContext(self) -> None:
        pass

    def GetGraphNames(self) -> list[str]:
        return self._graphs

    def IsTensorDump(self) -> bool:
        return False

    def IsNodeSupportedByBackend(self, operators: list[object]) -> bool:
        return not set(map(_kind, operators)) & set(self.refused)

    def Compile(self, graphs: list[str], operators: list[list[object]]) -> bytes:
        return ",".join(map(_kind, operators[0])).encode()


def _kind(operator: object) -> str:
    return str(operator.GetOpType())  # type: ignore[attr-defined]


@pytest.fixture()
def compiler(sdk: Path, monkeypatch: pytest.MonkeyPatch) -> type[_Compiler]:
    with qnn._same_kernels_on_every_cpu():
        import executorch.backends.qualcomm.python.PyQnnManagerAdaptor as adaptor  # type: ignore[import-untyped]
    assert isinstance(adaptor, ModuleType)

    class Compiler(_Compiler):
        pass

    monkeypatch.setattr(adaptor, "QnnManager", Compiler)
    return Compiler


def test_a_compiler_that_takes_everything_gets_the_whole_graph(
    compiler: type[_Compiler], caplog: pytest.LogCaptureFixture
) -> None:
    lowered = _lower()
    facts = inspect_program(bytes(lowered.program.buffer))
    assert (dict(facts.delegates), facts.undelegated_total) == ({"QnnBackend": 1}, 0)
    assert facts.inputs[0].dtype == facts.outputs[0].dtype == "float32"
    assert lowered.versions == {"qnn_sdk": _VERSION}
    # Convolution, batch norm, relu, view, linear.
    assert lowered.operators_before_lowering == 5
    (payload,) = delegate_payloads(bytes(lowered.program.buffer))
    assert b"Conv2d" in payload.payload and b"FullyConnected" in payload.payload
    assert not [record for record in caplog.records if "qnn" in record.filename]


def test_what_the_compiler_refuses_is_left_over(compiler: type[_Compiler]) -> None:
    compiler.refused = ("Relu",)
    lowered = _lower()
    facts = inspect_program(bytes(lowered.program.buffer))
    assert dict(facts.delegates) == {"QnnBackend": 2}
    assert dict(facts.undelegated) == {"aten::relu.out": 1}
    assert lowered.operators_before_lowering == 5


def test_the_chip_and_float16_stand_in_the_program(compiler: type[_Compiler]) -> None:
    from executorch.backends.qualcomm.serialization import qc_schema  # type: ignore[import-untyped]
    from executorch.backends.qualcomm.serialization.qc_schema_serialize import (  # type: ignore[import-untyped]
        flatbuffer_to_option,
    )

    programs = [
        bytes(_lower("fp32", **options).program.buffer)
        for options in ({}, {"soc_model": "SM8650"}, {"soc_model": "SM8450"})
    ]
    assert programs[0] == programs[1]
    for program, chip in zip(programs[1:], ("SM8650", "SM8450")):
        (payload,) = delegate_payloads(program)
        (spec,) = payload.options.values()
        said = flatbuffer_to_option(spec)
        assert said.soc_info.soc_model == qc_schema.QcomChipset[chip]
        precision = said.backend_options.htp_options.precision
        assert precision == qc_schema.QnnExecuTorchHtpPrecision.kHtpFp16


def test_kernels_do_not_depend_on_the_vendor_of_the_cpu() -> None:
    onednn: Any = torch.backends.mkldnn
    enabled = onednn.enabled
    with qnn._same_kernels_on_every_cpu():
        onednn.enabled = not enabled
    assert onednn.enabled == enabled

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import torch
from coremltools.proto import Model_pb2  # type: ignore[import-untyped]
from executorch.backends.apple.coreml.compiler import (  # type: ignore[import-untyped]
    CoreMLBackend,
)
from torch import Tensor, nn
from torch.export import ExportedProgram

from pte_foundry.backends.coreml import lowering as coreml
from pte_foundry.backends.coreml.canonical import canonical_payload
from pte_foundry.backends.coreml.container import read_container
from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.errors import PteError
from pte_foundry.exporting.export import export
from pte_foundry.inspection.delegation import inspect_program
from pte_foundry.inspection.payloads import DelegatePayload, delegate_payloads
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.json_fields import Fields

_MODEL = "model.mlpackage/Data/com.apple.CoreML/model.mlmodel"


@cache
def _exported() -> ExportedProgram:
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Hardswish(), nn.Flatten())
    module = nn.Sequential(*layers, nn.Dropout(), nn.Linear(144, 2))
    with torch.no_grad():
        return torch.export.export(module.eval(), (torch.ones(1, 3, 8, 8),), strict=False)


def _program() -> ExportedProgram:
    return copy.deepcopy(_exported())


def _lower(**options: str) -> DelegatePayload:
    lowered = coreml.lower(LoweringRequest(_program(), "fp16", options))
    pte = bytes(lowered.program.buffer)
    facts = inspect_program(pte)
    assert (dict(facts.delegates), facts.undelegated_total) == ({"CoreMLBackend": 1}, 0)
    (found,) = delegate_payloads(pte)
    return found


def _spec_version(payload: bytes) -> int:
    model = Model_pb2.Model()
    model.ParseFromString(read_container(payload).files[_MODEL])
    return int(model.specificationVersion)


def test_the_whole_graph_at_float16_and_canonical() -> None:
    original = CoreMLBackend.preprocess
    found = _lower()
    assert CoreMLBackend.preprocess is original
    assert found.options["model_compute_precision"] == b"float16"
    assert found.options["compute_units"] == b"all"
    # iOS 17 is version 8 of CoreML's specification (coremltools.target).
    assert _spec_version(found.payload) == 8
    assert canonical_payload(found.payload) == found.payload
    weights = read_container(found.payload).files[
        "model.mlpackage/Data/com.apple.CoreML/weights/weight.bin"
    ]
    head = _program().state_dict["5.weight"].detach().half().numpy().tobytes()
    assert head in weights


@pytest.mark.parametrize("equation", ["bhqd,bhkd->bhqk", "...qd,...kd->...qk", "bhqd,bhkd->bqk"])
def test_products_in_any_notation(equation: str) -> None:
    class Product(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return torch.einsum(equation, x, y)

    inputs = (torch.ones(1, 2, 4, 8), torch.ones(1, 2, 4, 8))
    program = torch.export.export(Product(), inputs)
    lowered = coreml.lower(LoweringRequest(program, "fp16", {}))
    assert not inspect_program(bytes(lowered.program.buffer)).undelegated


class _Circular(nn.Module):
    """The converter has other ways to pad only; decomposed, it takes all of it."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular")
        self.second = nn.Conv2d(4, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.second(self.first(x))
        return found


class _Bucketized(nn.Module):
    """CoreML has no bits of numbers, and no delegate without inputs, such as one that copies the boundaries."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(4, 8)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.head(self.table(torch.bucketize(x, torch.tensor([-0.5, 0.0, 0.5]))))
        return found


class _Spectrum(nn.Module):
    """CoreML has no complex numbers, not even as the input of a delegate."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(17, 4)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.head(torch.fft.rfft(x).abs())
        return found


class _Phases(nn.Module):
    """The converter claims all of it, and fails at what comes out."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        window = torch.hann_window(32)
        parts = torch.stft(x, 32, 16, window=window, return_complex=True)
        return parts.angle(), torch.stft(x, 32, 16, window=window, return_complex=False)


@pytest.mark.parametrize(
    ("module", "shape", "kernels"),
    [
        (
            _Phases(),
            (1, 160),
            {
                "aten::_fft_r2c.out",
                "aten::permute_copy.out",
                "aten::unfold_copy.out",
                "aten::view_as_real_copy.out",
            },
        ),
        (_Circular(), (1, 3, 8, 8), set()),
        (
            _Bucketized(),
            (1, 7),
            {"aten::bitwise_and.Tensor_out", "dim_order_ops::_clone_dim_order.out"},
        ),
        (_Spectrum(), (2, 32), {"aten::_fft_r2c.out", "aten::abs.out"}),
    ],
)
def test_what_the_converter_fails_at_is_left_to_kernels(
    module: nn.Module, shape: tuple[int, ...], kernels: set[str]
) -> None:
    program = torch.export.export(module.eval(), (torch.randn(shape),), strict=False)
    lowered = coreml.lower(LoweringRequest(program, "fp16", {}))
    facts = inspect_program(bytes(lowered.program.buffer))
    assert facts.delegates.keys() == {"CoreMLBackend"} and facts.undelegated.keys() == kernels


class _Places(nn.Module):
    """CoreML has them in rows, torch in columns."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.nonzero(x > 0)


def test_places_that_are_not_zero_are_in_the_memory_order_of_any_tensor() -> None:
    program = torch.export.export(_Places(), (torch.randn(4, 5),), strict=False)
    lowered = coreml.lower(LoweringRequest(program, "fp16", {}))
    facts = inspect_program(bytes(lowered.program.buffer))
    assert [tuple(one.dim_order) for one in facts.outputs] == [(0, 1)]


def test_options_reach_the_program() -> None:
    found = _lower(minimum_deployment_target="macOS13", compute_units="CPU_AND_NE")
    assert found.options["compute_units"] == b"cpu_and_ne"
    assert found.options["min_deployment_target"] == b"7"
    assert _spec_version(found.payload) == 7


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"minimum_deployment_target": "iOS13"}, "one of iOS17, iOS15, iOS16"),
        ({"minimum_deployment_target": "17"}, "one of iOS17"),
        ({"compute_units": "all"}, "one of ALL, CPU_AND_GPU, CPU_ONLY, CPU_AND_NE"),
    ],
)
def test_bad_values_are_refused_before_lowering(
    options: dict[str, str], part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_work(*arguments: object, **named: object) -> None:
        raise AssertionError("lowering began")

    monkeypatch.setattr(coreml, "lower_with", no_work)
    with pytest.raises(PteError) as caught:
        coreml.lower(LoweringRequest(_program(), "fp16", options))
    assert caught.value.kind == "bad-option" and part in caught.value.message


def test_preprocess_is_put_back_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise RuntimeError("no")

    original = CoreMLBackend.preprocess
    monkeypatch.setattr(coreml, "lower_with", fail)
    with pytest.raises(RuntimeError, match="no"):
        coreml.lower(LoweringRequest(_program(), "fp16", {}))
    assert CoreMLBackend.preprocess is original


_REQUEST = {
    "model": {
        "name": "tiny",
        "builder": "pte_foundry.testing.tiny_builder",
        "inputs": {"image": "float32[1,3,8,8]"},
        "weights": {"source": "seeded"},
    },
    "backend": "coreml",
    "lowering": "pte_foundry.backends.coreml.lowering",
    "precision": "fp16",
    "options": {},
    "rewrites": [],
}


def _export(folder: Path) -> tuple[bytes, dict[str, dict[str, str]]]:
    """Export in a process of its own, which may write to its working directory only."""
    for name in ("home", "tmp", "work"):
        (folder / name).mkdir(parents=True)
    (folder / "work" / "request.json").write_text(json.dumps(_REQUEST), encoding="utf-8")
    arguments = ("request.json", "--pte", "a.pte", "--facts", "facts.json")
    subprocess.run(
        [sys.executable, "-m", "pte_foundry.exporting.main", *arguments],
        cwd=folder / "work",
        env={
            "HOME": str(folder / "home"),
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "1",
            "PYTHONPATH": os.pathsep.join(sys.path),
            "TMPDIR": str(folder / "tmp"),
        },
        check=True,
    )
    assert [*(folder / "home").iterdir()] == []
    assert sorted(path.name for path in (folder / "work").iterdir()) == [
        "a.pte",
        "facts.json",
        "request.json",
    ]
    facts = json.loads((folder / "work" / "facts.json").read_text(encoding="utf-8"))
    return (folder / "work" / "a.pte").read_bytes(), facts


def test_two_processes_export_the_same_bytes(tmp_path: Path) -> None:
    found, facts = _export(tmp_path / "a")
    # This process has another working directory, another order of hashes, and has lowered before.
    request = ExportRequest.read(Fields(_REQUEST, "a request"))
    (tmp_path / "another" / "folder").mkdir(parents=True)
    assert export(request, tmp_path / "another" / "folder").pte == found
    assert facts["versions"]["coremltools"] == "9.0"

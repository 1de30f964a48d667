from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

from pte_foundry.backends.coreml import lowering as coreml
from pte_foundry.backends.lowering import Lowered, LoweringRequest
from pte_foundry.backends.portable import lowering as portable
from pte_foundry.backends.vulkan import lowering as vulkan
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.errors import PteError
from pte_foundry.exporting.export import export
from pte_foundry.inspection.delegation import inspect_program
from pte_foundry.records.export_request import ExportRequest
from pte_foundry.records.model_request import ModelRequest, WeightsRequest
from pte_foundry.records.tensor_spec import TensorSpec
from pte_foundry.rewrites import float_hardsigmoid
from pte_foundry.testing import tiny_builder

_XNNPACK = ExportRequest(
    model=ModelRequest(
        name="tiny",
        builder=tiny_builder.__name__,
        inputs=(TensorSpec("image", "float32", (1, 3, 8, 8)),),
        weights=WeightsRequest("seeded", None),
    ),
    backend="xnnpack",
    lowering=xnnpack.__name__,
    precision="fp32",
    options={},
    rewrites=(float_hardsigmoid.__name__,),
)


def _backend(monkeypatch: pytest.MonkeyPatch, name: str, **content: object) -> str:
    """A backend module without options; its dotted name."""
    return _module(
        monkeypatch,
        name,
        PRECISIONS=("fp32",),
        OPTIONS={},
        check_options=portable.check_options,
        **content,
    )


def _error(request: ExportRequest, root: Path) -> PteError:
    with pytest.raises(PteError) as caught:
        export(request, root)
    return caught.value


def _module(monkeypatch: pytest.MonkeyPatch, name: str, **members: object) -> str:
    module = ModuleType(name)
    vars(module).update(members)
    monkeypatch.setitem(sys.modules, name, module)
    return name


def test_facts_of_a_delegated_program(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    result = export(_XNNPACK, tmp_path)
    assert torch.get_num_threads() == threads
    facts = result.facts
    assert facts["pte"] == {
        "sha256": hashlib.sha256(result.pte).hexdigest(),
        "size": len(result.pte),
    }
    # conv, batch norm, add, clamp, mul, view, linear.
    assert facts["delegation"] == {
        "delegates": {"XnnpackBackend": 1},
        "calls": 1,
        "undelegated": {},
        "undelegated_total": 0,
        "operators_before_lowering": 7,
        "delegated_fraction": 1.0,
    }
    # Convolution 3 * 3 * 3 * 4 + 4, batch norm 2 * 4, linear 144 * 2 + 2.
    assert facts["parameters"] == {"count": 410, "bytes": 1640}
    assert facts["planned_memory_bytes"] == list(inspect_program(result.pte).planned_memory_bytes)
    assert facts["inputs"] == [
        {
            "name": "image",
            "shape": [1, 3, 8, 8],
            "dtype": "float32",
            "layout": "NCHW",
            "normalisation": None,
        }
    ]
    assert facts["outputs"] == [
        {"name": "scores", "shape": [1, 2], "dtype": "float32", "description": "two scores"}
    ]
    versions = facts["versions"]
    assert isinstance(versions, dict)
    assert versions["torch"] == torch.__version__ and "executorch" in versions


def test_undelegated_operators_lower_the_fraction(tmp_path: Path) -> None:
    facts = export(replace(_XNNPACK, rewrites=()), tmp_path).facts
    delegation = facts["delegation"]
    assert isinstance(delegation, dict)
    assert delegation["undelegated_total"] == 2
    before = delegation["operators_before_lowering"]
    assert delegation["delegated_fraction"] == round(1 - 2 / before, 6)
    assert facts["rewrites"] == []


def test_portable_delegates_nothing(tmp_path: Path) -> None:
    request = replace(_XNNPACK, lowering=portable.__name__)
    delegation = export(request, tmp_path).facts["delegation"]
    assert isinstance(delegation, dict)
    assert delegation["delegates"] == {} and delegation["delegated_fraction"] == 0.0
    assert delegation["undelegated"]["aten::convolution.out"] == 1


def test_rewrites_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def spy(name: str) -> Callable[[nn.Module, object], nn.Module]:
        def rewrite(module: nn.Module, example_inputs: object) -> nn.Module:
            calls.append(name)
            module.register_parameter(f"of_{name}", nn.Parameter(torch.zeros(1)))
            return nn.Sequential(module, nn.ReLU())

        return rewrite

    names = tuple(_module(monkeypatch, name, rewrite=spy(name)) for name in ("z_rw", "a_rw"))
    request = replace(_XNNPACK, lowering=portable.__name__, rewrites=names)
    facts = export(request, tmp_path).facts
    delegation = facts["delegation"]
    assert calls == ["z_rw", "a_rw"]
    assert facts["parameters"] == {"count": 410, "bytes": 1640}, "counted before the rewrites"
    assert isinstance(delegation, dict) and delegation["undelegated"]["aten::relu.out"] == 2


def _fp16(backend: ModuleType) -> dict[str, object]:
    return {"lowering": backend.__name__, "precision": "fp16"}


def test_bad_requests_fail_before_the_model_is_built(tmp_path: Path) -> None:
    broken = replace(_XNNPACK, model=replace(_XNNPACK.model, builder="no.such.builder"))
    for change, kind, part in (
        ({"lowering": "pte_foundry.backends.cuda"}, "bad-builder", portable.__name__),
        (
            {"lowering": "pte_foundry.errors"},
            "bad-builder",
            "has no PRECISIONS, OPTIONS, check_options, lower",
        ),
        ({"rewrites": ("no.rewrite",)}, "bad-builder", float_hardsigmoid.__name__),
        ({"precision": "int4"}, "unsupported-precision", "it has fp32"),
        ({"options": {"fast": "yes"}}, "bad-option", "no option 'fast'"),
        (
            {**_fp16(coreml), "options": {"compute_units": "NPU"}},
            "bad-option",
            "compute_units is 'NPU'",
        ),
        (
            {**_fp16(vulkan), "options": {"texture_limits": "9"}},
            "bad-option",
            "texture_limits is '9'",
        ),
    ):
        error = _error(replace(broken, **change), tmp_path)
        assert error.kind == kind and part in error.message


def test_a_backend_that_lacks_what_it_needs_refuses_before_the_model_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise PteError("sdk-missing", "no SDK")

    name = _backend(monkeypatch, "demanding", lower=portable.lower, check_environment=refuse)
    broken = replace(_XNNPACK.model, builder="no.such.builder")
    error = _error(replace(_XNNPACK, model=broken, lowering=name), tmp_path)
    assert (error.kind, error.message) == ("sdk-missing", "no SDK")


def test_the_version_of_an_sdk_stands_beside_those_of_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lower(request: LoweringRequest) -> Lowered:
        return replace(portable.lower(request), versions={"some_sdk": "2.37.0"})

    name = _backend(monkeypatch, "with_sdk", lower=lower)
    versions = export(replace(_XNNPACK, lowering=name), tmp_path).facts["versions"]
    assert isinstance(versions, dict)
    assert (versions["some_sdk"], versions["torch"]) == ("2.37.0", torch.__version__)


def test_a_failing_lowering_names_phase_reason_and_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lower(request: object) -> None:
        try:
            raise RuntimeError("no kernel\nsecond line")
        except RuntimeError as error:
            raise ValueError("an error occurred") from error

    name = _backend(monkeypatch, "bad_backend", lower=lower)
    error = _error(replace(_XNNPACK, lowering=name), tmp_path)
    assert error.kind == "lowering-failed"
    told = "'tiny', bad_backend: RuntimeError: no kernel\n    second line (at export_test.py:"
    assert told in error.message


def test_a_model_that_torch_cannot_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Branches(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + 1 if float(x.sum()) > 0 else x

    name = _module(monkeypatch, "branches", rewrite=lambda module, inputs: Branches())
    error = _error(replace(_XNNPACK, rewrites=(name,)), tmp_path)
    assert error.kind == "lowering-failed" and "torch.export" in error.message


def test_a_rewrite_that_changes_the_signature_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Twice(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return x + 1, x + 2

    name = _module(monkeypatch, "twice", rewrite=lambda module, inputs: Twice())
    error = _error(replace(_XNNPACK, rewrites=(name,)), tmp_path)
    assert error.kind == "lowering-failed" and "has 2 outputs" in error.message

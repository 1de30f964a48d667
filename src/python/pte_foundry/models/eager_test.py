from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from pte_foundry.errors import PteError
from pte_foundry.models import mobilenet
from pte_foundry.models.eager import build_eager
from pte_foundry.models.own import exported_program
from pte_foundry.records.model_request import ModelRequest, WeightsRequest
from pte_foundry.records.tensor_spec import TensorSpec, parse_tensor_spec
from pte_foundry.testing import tiny_builder
from pte_foundry.testing.exported_samples import Function, Sample, changed, saved

_SEEDED = ModelRequest(
    name="tiny",
    builder=tiny_builder.__name__,
    inputs=(TensorSpec("image", "float32", (1, 3, 8, 8)),),
    weights=WeightsRequest("seeded", None),
)
_FROM_FILE = replace(_SEEDED, weights=WeightsRequest("substitute", "weights/tiny.pth"))


def _error(request: ModelRequest, root: Path) -> PteError:
    with pytest.raises(PteError) as caught:
        build_eager(request, root)
    return caught.value


def test_seeded_weights_depend_on_the_model_name_alone(tmp_path: Path) -> None:
    first, again = build_eager(_SEEDED, tmp_path), build_eager(_SEEDED, tmp_path / "elsewhere")
    other = build_eager(replace(_SEEDED, name="other"), tmp_path)
    weights = [eager.module.state_dict()["convolution.weight"] for eager in (first, again, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    assert not any(parameter.requires_grad for parameter in first.module.parameters())
    assert not first.module.training
    assert [tuple(x.shape) for x in first.example_inputs] == [(1, 3, 8, 8)]
    assert all(x.is_contiguous() for x in first.example_inputs)


def test_weights_come_from_the_file(tmp_path: Path) -> None:
    state = tiny_builder.build("tiny").module.state_dict()
    (tmp_path / "weights").mkdir()
    torch.save(state, tmp_path / "weights/tiny.pth")
    loaded = build_eager(_FROM_FILE, tmp_path).module.state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in state.items())


def test_checkpoint_of_another_form(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    torch.save([torch.ones(1)], tmp_path / "weights/tiny.pth")
    error = _error(_FROM_FILE, tmp_path)
    assert error.kind == "bad-checkpoint" and "found a list" in error.message
    torch.save({"head.weight": torch.ones(1)}, tmp_path / "weights/tiny.pth")
    assert "tiny.pth does not fit" in _error(_FROM_FILE, tmp_path).message


def test_absent_builder_names_those_that_exist(tmp_path: Path) -> None:
    error = _error(replace(_SEEDED, builder="pte_foundry.models.mobilnet"), tmp_path)
    assert error.kind == "bad-builder"
    assert "'pte_foundry.models.mobilnet'" in error.message
    assert f"{mobilenet.__name__}," in error.message
    assert _error(replace(_SEEDED, builder="no.such.package"), tmp_path).kind == "bad-builder"


@pytest.mark.parametrize("name", ["..models", ".", "a..b"])
def test_builder_that_is_not_a_module_name(tmp_path: Path, name: str) -> None:
    assert _error(replace(_SEEDED, builder=name), tmp_path).kind == "bad-builder"


def test_builder_without_build(tmp_path: Path) -> None:
    error = _error(replace(_SEEDED, builder="pte_foundry.errors"), tmp_path)
    assert error.kind == "bad-builder"
    assert "has no build" in error.message and "PteError" in error.message


def test_builder_that_returns_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("odd_builder")
    module.build = lambda model: 5  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "odd_builder", module)
    error = _error(replace(_SEEDED, builder="odd_builder"), tmp_path)
    assert error.kind == "bad-builder" and "returned a int" in error.message


def test_builder_whose_own_import_is_missing_keeps_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_builder.py").write_text("import no_such_distribution\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="no_such_distribution"):
        build_eager(replace(_SEEDED, builder="broken_builder"), tmp_path)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (TensorSpec("image", "float32", (1, 4, 8, 8)), "expected input[1, 4, 8, 8] to have 3"),
        (TensorSpec("image", "float32", (1, 3, 16, 16)), "shapes cannot be multiplied"),
        (TensorSpec("image", "int64", (1, 3, 8, 8)), "Input type"),
        (TensorSpec("image", "float32", (2, 3, 8, 8)), "preprocessing of"),
    ],
)
def test_inputs_that_the_model_rejects(tmp_path: Path, spec: TensorSpec, reason: str) -> None:
    error = _error(replace(_SEEDED, inputs=(spec,)), tmp_path)
    assert error.kind == "bad-input-shape"
    assert f"'image' is declared as {spec}" in error.message
    assert reason in error.message


def test_inputs_of_other_names(tmp_path: Path) -> None:
    spec = TensorSpec("picture", "float32", (1, 3, 8, 8))
    error = _error(replace(_SEEDED, inputs=(spec,)), tmp_path)
    assert error.kind == "bad-input-shape"
    assert "['picture']" in error.message and "['image']" in error.message


def test_seeded_weights_take_one_forward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[None] = []
    real = tiny_builder._Tiny.forward

    def forward(self: tiny_builder._Tiny, image: torch.Tensor) -> torch.Tensor:
        runs.append(None)
        return real(self, image)

    monkeypatch.setattr(tiny_builder._Tiny, "forward", forward)
    build_eager(_SEEDED, tmp_path)
    assert len(runs) == 1


_OPERATORS = """
import torch

@torch.library.custom_op("eager_imports::halved", mutates_args=())
def halved(values: torch.Tensor) -> torch.Tensor:
    return values / 2

@halved.register_fake
def _(values):
    return torch.empty_like(values)
"""


def _call_halved(data: Any) -> None:
    (node,) = data["graph_module"]["graph"]["nodes"]
    node["target"] = "torch.ops.eager_imports.halved.default"
    node["inputs"][0]["name"] = "values"


def test_a_program_may_call_what_imports_register(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "operators_of_eager_imports.py").write_text(_OPERATORS)
    monkeypatch.syspath_prepend(tmp_path)
    relu = Sample(lambda: Function(torch.relu), (torch.ones(4),)).program()
    (tmp_path / "m.pt2").write_bytes(changed(saved(relu), "models/model.json", _call_halved))

    def request(*imports: str) -> ModelRequest:
        inputs = (parse_tensor_spec("values", "float32[4]"),)
        weights = WeightsRequest("substitute", "m.pt2")
        return ModelRequest("m", exported_program.__name__, inputs, weights, imports)

    with pytest.raises(PteError, match="^forbidden-pickle: .*eager_imports::halved"):
        build_eager(request(), tmp_path)
    for _ in range(2):  # The second time the module is there already.
        model = build_eager(request("operators_of_eager_imports"), tmp_path)
        assert torch.equal(model.module(torch.ones(4)), torch.full((4,), 0.5))

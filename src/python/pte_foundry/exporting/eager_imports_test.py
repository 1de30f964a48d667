"""A model that is a `.pt2`, with an operator that one of its target's `imports` registers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from pte_foundry.errors import PteError
from pte_foundry.models.eager import build_eager
from pte_foundry.models.own import exported_program
from pte_foundry.records.model_request import ModelRequest, WeightsRequest
from pte_foundry.records.tensor_spec import parse_tensor_spec
from pte_foundry.testing.exported_samples import Function, Sample, changed, saved

_WEIGHTS = WeightsRequest("substitute", "m.pt2")
_OPERATORS = """
import torch

@torch.library.custom_op("eager_imports::halved", mutates_args=())
def halved(values: torch.Tensor) -> torch.Tensor:
    return values / 2

@halved.register_fake
def _(values):
    return torch.empty_like(values)
"""


def _halved(data: Any) -> None:
    (node,) = data["graph_module"]["graph"]["nodes"]
    node["target"] = "torch.ops.eager_imports.halved.default"
    node["inputs"][0]["name"] = "values"


def test_a_program_may_call_what_imports_register(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "operators_of_eager_imports.py").write_text(_OPERATORS)
    monkeypatch.syspath_prepend(tmp_path)
    relu = Sample(lambda: Function(torch.relu), (torch.ones(4),)).program()
    (tmp_path / "m.pt2").write_bytes(changed(saved(relu), "models/model.json", _halved))

    def request(*imports: str) -> ModelRequest:
        inputs = (parse_tensor_spec("values", "float32[4]"),)
        return ModelRequest("m", exported_program.__name__, inputs, _WEIGHTS, imports)

    with pytest.raises(PteError, match="eager_imports::halved") as caught:
        build_eager(request(), tmp_path)
    assert caught.value.kind == "forbidden-pickle"
    for _ in range(2):  # The second time the module is there already.
        model = build_eager(request("operators_of_eager_imports"), tmp_path)
        assert torch.equal(model.module(torch.ones(4)), torch.full((4,), 0.5))

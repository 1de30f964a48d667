from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.portable import lowering as portable
from pte_foundry.exporting.normalise import normalised
from pte_foundry.validation.runtime import load_program

_ROWS = torch.tensor([[3, 1, 4, 1], [5, 9, 2, 6], [0, 0, 7, 0]])
# The second bag is empty.
_FLAT, _OFFSETS = _ROWS.flatten(), torch.tensor([0, 5, 5, 9])


class _Bag(nn.Module):
    def __init__(self, **options: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.bag = nn.EmbeddingBag(10, 8, **options)

    def forward(self, *inputs: Tensor) -> Tensor:
        found: Tensor = self.bag(*inputs)
        return found


def _program(model: nn.Module, inputs: tuple[Tensor, ...]) -> bytes:
    with torch.no_grad():
        exported = torch.export.export(model.eval(), inputs, strict=False)
        lowered = portable.lower(LoweringRequest(normalised(exported), "fp32", {}))
    return bytes(lowered.program.buffer)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("padding", [None, 0])
@pytest.mark.parametrize(
    "inputs", [(_ROWS,), (_FLAT, _OFFSETS)], ids=["matrix of indices", "offsets"]
)
def test_as_in_torch(mode: str, padding: int | None, inputs: tuple[Tensor, ...]) -> None:
    model = _Bag(mode=mode, padding_idx=padding)
    (found,) = load_program(_program(model, inputs)).run(inputs)
    assert torch.allclose(found, model(*inputs), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "inputs"),
    [
        ({"mode": "sum"}, (_FLAT, _OFFSETS, torch.linspace(-1, 1, 12))),
        ({"mode": "mean", "include_last_offset": True}, (_FLAT, torch.tensor([0, 5, 5, 12]))),
        ({"mode": "max", "include_last_offset": True}, (_FLAT, torch.tensor([0, 5, 5, 12]))),
    ],
    ids=["weights of samples", "the last offset, mean", "the last offset, maximum"],
)
def test_rare_options(options: Mapping[str, Any], inputs: tuple[Tensor, ...]) -> None:
    model = _Bag(**options)
    (found,) = load_program(_program(model, inputs)).run(inputs)
    assert torch.allclose(found, model(*inputs), atol=1e-6)


def test_other_offsets_than_those_of_the_export() -> None:
    model = _Bag()
    program = load_program(_program(model, (_FLAT, _OFFSETS)))
    offsets = torch.tensor([0, 1, 2, 12])
    (found,) = program.run((_FLAT, offsets))
    assert torch.allclose(found, model(_FLAT, offsets), atol=1e-6)


def test_rows_of_a_matrix_are_a_mean_and_no_product() -> None:
    exported = torch.export.export(_Bag().eval(), (_ROWS,), strict=False)
    names = [
        str(node.target) for node in normalised(exported).graph.nodes if node.op == "call_function"
    ]
    assert "aten.mean.dim" in names
    assert not [name for name in names if "matmul" in name or "mm" in name or "bag" in name]

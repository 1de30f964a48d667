from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pte_foundry.errors import PteError
from pte_foundry.models.own import exported_program
from pte_foundry.testing.own_samples import saved_model
from pte_foundry.testing.own_workspace import save_exported

_A, _B = torch.randn(1, 4), torch.randn(1, 4)
_INPUTS = {"a": "float32[1,4]", "b": "float32[1,4]"}


class _Head(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.head = nn.Linear(4, 2)

    def of(self, a: Tensor, b: Tensor) -> Tensor:
        result: Tensor = self.head(a - 2 * b)
        return result


class _Keywords(_Head):
    def forward(self, a: Tensor, *, b: Tensor, scale: float = 1.0) -> Tensor:
        return self.of(a, b) * scale


class _Dict(_Head):
    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"scores": self.of(batch["a"], batch["b"])}


class _Nested(_Head):
    def forward(self, a: Tensor, more: tuple[Tensor, list[Tensor]]) -> Tensor:
        return self.of(a, more[0]) + more[1][0].sum()


class _Optional(_Head):
    def forward(self, a: Tensor, mask: Tensor | None = None, b: Tensor | None = None) -> Tensor:
        assert b is not None
        return self.of(a if mask is None else a * mask, b)


def _load(path: Path, inputs: Mapping[str, str]) -> Any:
    return exported_program.load(saved_model(path / "model.pt2", dict(inputs))).module.eval()


@pytest.mark.parametrize(
    ("model", "inputs", "keywords"),
    [
        (_Keywords(), (_A,), {"b": _B, "scale": 1.0}),
        (_Keywords(), (), {"b": _B, "a": _A}),
        (_Dict(), ({"a": _A, "b": _B},), {}),
        (_Dict(), ({"b": _B, "a": _A},), {}),
        (_Optional(), (_A,), {"b": _B}),
        (_Optional(), (_A, None, _B), {}),
    ],
)
@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_a_program_is_called_as_it_was_exported(
    tmp_path: Path,
    model: _Head,
    inputs: tuple[Any, ...],
    keywords: dict[str, Any],
    order: tuple[str, ...],
) -> None:
    save_exported(tmp_path, model, inputs, keywords)
    module = _load(tmp_path, {name: _INPUTS[name] for name in order})
    given = {"a": _A, "b": _B}
    found = module(*(given[name] for name in order))
    assert torch.allclose(found["scores"] if isinstance(found, dict) else found, model.of(_A, _B))
    # Exported again, as for a lowering.
    program = torch.export.export(module, tuple(given[name] for name in order), strict=False)
    again = program.module()(*(given[name] for name in order))
    assert torch.allclose(again["scores"] if isinstance(again, dict) else again, model.of(_A, _B))


def test_inputs_in_a_tree_come_in_its_order(tmp_path: Path) -> None:
    model, c = _Nested(), torch.randn(3)
    save_exported(tmp_path, model, (_A, (_B, [c])))
    module = _load(tmp_path, {"x": "float32[1,4]", "y": "float32[1,4]", "z": "float32[3]"})
    assert torch.allclose(module(_A, _B, c), model(_A, (_B, [c])))


def test_a_wrong_number_of_inputs_is_told_with_what_to_declare(tmp_path: Path) -> None:
    save_exported(tmp_path, _Dict(), ({"a": _A, "b": _B},))
    with pytest.raises(PteError, match="^bad-input-shape: .*takes 2 tensors") as caught:
        _load(tmp_path, {"a": "float32[1,4]"})
    advice = "--inputs batch_a=float32[1,4] --inputs batch_b=float32[1,4]"
    assert advice in caught.value.message
    # As it says.
    _load(tmp_path, {"batch_a": "float32[1,4]", "batch_b": "float32[1,4]"})

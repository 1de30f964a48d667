"""Outputs that are right and look odd: fixed anchors, a class, a truth value, a scalar, the input itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pte_foundry.testing.own_workspace import own_workspace, save_exported
from pte_foundry.testing.workspace import failed_kinds

_INPUTS = {"x": "float32[1,8]"}


class _Detector(nn.Module):
    """Offsets, and anchors that no input changes: of zeros all are equal."""

    anchors: Tensor

    def __init__(self, anchors: Tensor) -> None:
        super().__init__()
        self.head = nn.Linear(8, 4)
        self.register_buffer("anchors", anchors)

    def forward(self, x: Tensor) -> dict[str, Any]:
        return {"offsets": self.head(x), "anchors": self.anchors, "sizes": self.anchors * 2}


class _Classifier(nn.Module):
    """The first class wins always."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 3)
        with torch.no_grad():
            self.head.bias.copy_(torch.tensor([9.0, 0, 0]))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        scores = self.head(x).softmax(-1)
        return scores, scores.argmax(-1), scores.max() > 0.01, scores.max(), x


class _OnlyTheClass(_Classifier):
    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return (super().forward(x)[1],)


class _DeadHead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"scores": self.head(x), "dead": torch.relu(self.head(x) * 0 - 1)}


class _Deaf(nn.Module):
    anchors: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("anchors", torch.zeros(4, 2))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.anchors * 2, self.anchors + 1


@pytest.mark.parametrize(
    "model",
    [_Detector(torch.rand(6, 4)), _Detector(torch.zeros(6, 4)), _Classifier(), _OnlyTheClass()],
)
def test_they_pass(tmp_path: Path, model: nn.Module) -> None:
    file = save_exported(tmp_path, model, (torch.randn(1, 8),))
    cases = own_workspace(tmp_path, file, _INPUTS).run()
    assert not failed_kinds(cases), cases


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (_DeadHead(), "output 'dead': the eager model's output is constant"),
        (_Deaf(), "no output of the model (output_0, output_1) depends on its inputs"),
    ],
)
def test_what_proves_nothing_fails(tmp_path: Path, model: nn.Module, told: str) -> None:
    file = save_exported(tmp_path, model, (torch.randn(1, 8),))
    cases = own_workspace(tmp_path, file, _INPUTS).run()
    assert told in cases["parity:fixed-0"].message

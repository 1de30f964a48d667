from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from pte_foundry.errors import PteError
from pte_foundry.rewrites.levelwise_detection import LevelwiseDetection, rewrite
from pte_foundry.testing.tiny_detector import BINS, CLASSES, Detect, tiny_detector, tiny_inputs


def _head() -> Detect:
    return Detect([4], [8.0]).requires_grad_(False)


def _logits(head: Detect, side: int, distance: int, size: float) -> None:
    """Set the head so that every cell predicts `distance` for one side and 0 for the others."""
    branch = head.cv2[0][0]  # type: ignore[index]
    branch.weight.zero_()
    branch.bias.copy_(
        torch.full((4, BINS), -size).index_fill_(1, torch.tensor([0]), size).flatten()
    )
    branch.bias[side * BINS] = -size
    branch.bias[side * BINS + distance] = size


@pytest.mark.parametrize("side", range(4))
def test_one_distance_in_pixels(side: int) -> None:
    # Cell (row 1, column 2) of stride 8 has its centre at x=20, y=12; 5 cells are 40 pixels.
    head = _head()
    _logits(head, side, 5, 30.0)
    decoded = LevelwiseDetection(head, [(2, 3)])([torch.zeros(1, 4, 2, 3)])
    box = decoded[0, :4, 5].tolist()
    shift = -20.0 if side < 2 else 20.0
    horizontal = side % 2 == 0
    expected = [20.0, 12.0, 0.0, 0.0]
    expected[0 if horizontal else 1] += shift
    expected[2 if horizontal else 3] = 40.0
    assert box == pytest.approx(expected, abs=1e-4)


def test_logits_beyond_float32s_exponential() -> None:
    head = _head()
    _logits(head, 2, 3, 500.0)
    decoded = LevelwiseDetection(head, [(2, 3)])([torch.zeros(1, 4, 2, 3)])
    assert torch.isfinite(decoded).all()
    assert (decoded - head([torch.zeros(1, 4, 2, 3)])).abs().max() < 1e-4
    assert decoded.shape == (1, 4 + CLASSES, 6)


def _corners(head: nn.Module) -> None:
    head.xyxy = True  # type: ignore[assignment]


def _distances(head: nn.Module) -> None:
    head.dfl.conv.weight += 1.0  # type: ignore[operator,union-attr]


def _training_outputs(head: nn.Module) -> None:
    head.export = False  # type: ignore[assignment]


def _strides(head: nn.Module) -> None:
    head.stride = torch.tensor([2.0, 4.0, 8.0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_corners, "set to xyxy"),
        (_distances, "distances are not 0 to 7"),
        (_training_outputs, "export is off"),
        (_strides, "are not as many"),
    ],
)
def test_other_heads_are_refused(change: Callable[[nn.Module], None], message: str) -> None:
    model = tiny_detector()
    change(model.model[-1])
    with pytest.raises(PteError, match=message):
        rewrite(model, tiny_inputs(1)[0])

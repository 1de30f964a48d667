from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from pte_foundry.errors import PteError
from pte_foundry.rewrites.levelwise_detection import ExponentialMean, LevelwiseDetection, rewrite
from pte_foundry.rewrites.softmax_detection import SoftmaxMean
from pte_foundry.testing.tiny_detector import (
    BINS,
    CLASSES,
    POINTS,
    Detect,
    tiny_detector,
    tiny_inputs,
)


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
        (_strides, "differ in number"),
    ],
)
def test_other_heads_are_refused(change: Callable[[nn.Module], None], message: str) -> None:
    model = tiny_detector()
    change(model.model[-1])
    with pytest.raises(PteError, match=message):
        rewrite(model, tiny_inputs(1)[0])


@pytest.mark.parametrize("numbers", [2, 3])
def test_key_points_are_those_of_the_head(numbers: int) -> None:
    model = tiny_detector(numbers)
    (image,) = tiny_inputs(1)[0]
    expected = model(image)
    # In float32 here; the rewrite itself compares in float64.
    found = rewrite(model, (image,))(image)
    assert expected.shape == (1, 4 + CLASSES + POINTS * numbers, 640)
    points = expected[:, 4 + CLASSES :]
    assert points.std() > 0.1
    assert (found - expected).abs().max() < 1e-3


@pytest.mark.parametrize("shape", [[0, 3], [3, 4], [3, 1]])
def test_other_key_points_are_refused(shape: list[int]) -> None:
    head = tiny_detector(3).model[-1]
    head.kpt_shape = shape  # type: ignore[assignment]
    with pytest.raises(PteError, match="key points of the form"):
        LevelwiseDetection(head, [(16, 32), (8, 16)])


def test_the_mean_of_each_side() -> None:
    torch.manual_seed(0)
    logits = torch.randn(1, 4 * 16, 3, 5) * 4
    weights = logits.reshape(4, 16, 15).softmax(1)
    expected = (weights * torch.arange(16).reshape(1, 16, 1)).sum(1).reshape(1, 4, 3, 5)
    for mean in (SoftmaxMean(16), ExponentialMean(16)):
        assert mean(logits) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("size", [0.0, 12.0, 20.0, 500.0])
def test_float16_is_enough(size: float) -> None:
    logits = torch.zeros(1, 4 * 16, 1, 1)
    logits[0, 7::16] = size
    expected = SoftmaxMean(16)(logits)
    found = SoftmaxMean(16).half()(logits.half())
    assert (found - expected).abs().max() < 0.01
    assert expected.flatten().tolist() == pytest.approx([7.5 if size == 0 else 7.0] * 4, abs=1e-3)
    # The reason for this rewrite: the other form of the mean leaves float16.
    assert (size < 11.0) == bool(torch.isfinite(ExponentialMean(16).half()(logits.half())).all())

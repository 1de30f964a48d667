from __future__ import annotations

import pytest
import torch

from pte_foundry.rewrites.levelwise_detection import ExponentialMean
from pte_foundry.rewrites.softmax_detection import SoftmaxMean

BINS = 16


def test_the_mean_of_each_side() -> None:
    torch.manual_seed(0)
    logits = torch.randn(1, 4 * BINS, 3, 5) * 4
    weights = logits.reshape(4, BINS, 15).softmax(1)
    expected = (weights * torch.arange(BINS).reshape(1, BINS, 1)).sum(1).reshape(1, 4, 3, 5)
    for mean in (SoftmaxMean(BINS), ExponentialMean(BINS)):
        assert mean(logits) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("size", [0.0, 12.0, 20.0, 500.0])
def test_float16_is_enough(size: float) -> None:
    logits = torch.zeros(1, 4 * BINS, 1, 1)
    logits[0, 7::BINS] = size
    expected = SoftmaxMean(BINS)(logits)
    found = SoftmaxMean(BINS).half()(logits.half())
    assert (found - expected).abs().max() < 0.01
    assert expected.flatten().tolist() == pytest.approx([7.5 if size == 0 else 7.0] * 4, abs=1e-3)
    # The reason for this rewrite: the other form of the mean leaves float16.
    assert (size < 11.0) == bool(torch.isfinite(ExponentialMean(BINS).half()(logits.half())).all())

"""Whether two classifiers rank the same classes first."""

from __future__ import annotations

from torch import Tensor


def top_k_agreement(found: Tensor, expected: Tensor, k: int) -> float:
    """The share of the k classes that score highest in both, in [0, 1].

    Of classes with equal scores the first one counts, in both.

    Args:
        found: [classes] scores.
        expected: likewise; with fewer than k classes, all of them are compared.
    """
    least = min(k, expected.numel())
    first, second = (
        set(scores.argsort(descending=True, stable=True)[:least].tolist())
        for scores in (found, expected)
    )
    return len(first & second) / least

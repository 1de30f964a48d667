from __future__ import annotations

import pytest
import torch

from pte_foundry.validation.top_k import top_k_agreement

EXPECTED = torch.tensor([0.0, 5.0, 4.0, 3.0, 2.0, 1.0, -1.0])


@pytest.mark.parametrize(
    ("found", "first", "five"),
    [
        ([0.0, 5.0, 4.0, 3.0, 2.0, 1.0, -1.0], 1.0, 1.0),
        ([0.0, 4.0, 5.0, 3.0, 2.0, 1.0, -1.0], 0.0, 1.0),
        ([1.5, 5.0, 4.0, 3.0, 2.0, 1.0, -1.0], 1.0, 0.8),
        ([9.0, -5.0, -4.0, -3.0, -2.0, -1.0, 8.0], 0.0, 0.6),
    ],
)
def test_the_order_within_the_k_does_not_count(
    found: list[float], first: float, five: float
) -> None:
    scores = torch.tensor(found)
    assert top_k_agreement(scores, EXPECTED, 1) == first
    assert top_k_agreement(scores, EXPECTED, 5) == five


def test_few_classes_and_equal_scores() -> None:
    assert top_k_agreement(torch.tensor([1.0, 2.0]), torch.tensor([2.0, 1.0]), 5) == 1.0
    assert top_k_agreement(torch.ones(3), torch.ones(3), 1) == 1.0

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from pte_foundry.errors import PteError
from pte_foundry.validation.task import top_label_outcome

LABELS = ("cat", "dog", "espresso", "rocket")
SCORES = torch.tensor([[0.1, 0.2, 5.0, 0.3]])


def test_the_greatest_score_names_the_label() -> None:
    outcome = top_label_outcome(SCORES, LABELS, "espresso")
    assert outcome.problems == ()
    best = outcome.measured["best"]
    assert isinstance(best, list)
    assert [each["label"] for each in best] == ["espresso", "rocket", "dog"]


def test_another_label_is_a_problem() -> None:
    assert top_label_outcome(SCORES, LABELS, "cat").problems != ()


@pytest.mark.parametrize(
    ("scores", "labels", "expected", "reason"),
    [
        (SCORES, None, "cat", "no label file"),
        (SCORES, LABELS, "Cat", "no such line"),
        (SCORES, LABELS[:3], "cat", "one score"),
        (SCORES[0], LABELS, "cat", "one score"),
        (SCORES.repeat(2, 1), LABELS, "cat", "one score"),
    ],
)
def test_what_is_no_classification_fails(
    scores: torch.Tensor, labels: Sequence[str] | None, expected: str, reason: str
) -> None:
    with pytest.raises(PteError, match=reason) as caught:
        top_label_outcome(scores, labels, expected)
    assert caught.value.kind == "task"

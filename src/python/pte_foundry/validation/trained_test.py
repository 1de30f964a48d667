from __future__ import annotations

import math

import pytest
import torch

from pte_foundry.errors import PteError
from pte_foundry.validation.parity import Comparison
from pte_foundry.validation.trained import agreement_outcome


def logits(*probabilities: float) -> torch.Tensor:
    return torch.tensor([[math.log(probability) for probability in probabilities]])


SURE = logits(0.5, 0.3, 0.2)
UNSURE = logits(0.38, 0.32, 0.3)


def compare(found: torch.Tensor, expected: torch.Tensor, name: str = "a.png") -> Comparison:
    return Comparison(name, (found,), (expected,))


def test_classes_are_compared_and_not_probabilities() -> None:
    outcome = agreement_outcome([compare(logits(0.34, 0.33, 0.33), SURE)], 1.0)
    assert outcome.problems == ()
    assert outcome.measured["sure"] == outcome.measured["agreed"] == 1


def test_another_class_is_a_problem_that_names_the_photograph() -> None:
    good, bad = compare(SURE, SURE), compare(UNSURE.flip(1), SURE, "b.png")
    (problem,) = agreement_outcome([good, bad], 0.51).problems
    assert "on 1 of the 2 photographs" in problem
    assert "not on b.png (class 2, not 0 with 0.50)" in problem
    assert agreement_outcome([good, bad], 0.5).problems == ()


def test_a_photograph_that_the_eager_model_is_not_sure_of_does_not_count() -> None:
    outcome = agreement_outcome([compare(SURE, SURE), compare(SURE.flip(1), UNSURE)], 1.0)
    assert (outcome.problems, outcome.measured["sure"]) == ((), 1)


@pytest.mark.parametrize(
    ("expected", "reason"),
    [
        (UNSURE, "not sure of any"),
        (torch.zeros(3), "shape"),
        (torch.zeros(1, 1), "shape"),
        (torch.zeros(1, 84, 8400), "shape"),
    ],
)
def test_a_comparison_that_proves_nothing_is_an_error(expected: torch.Tensor, reason: str) -> None:
    with pytest.raises(PteError, match=reason) as caught:
        agreement_outcome([compare(expected, expected)], 1.0)
    assert caught.value.kind == "task"

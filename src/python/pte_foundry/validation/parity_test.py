from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from pte_foundry.errors import PteError
from pte_foundry.records.checks import Checks
from pte_foundry.validation.parity import measure_parity, parity_outcome, top_k_agreement

REFERENCE = torch.tensor([[3.0, 0.0, 4.0]])


def test_the_measures_are_those_of_the_formulas() -> None:
    parity = measure_parity(torch.tensor([[3.0, 1.5, 4.0]]), REFERENCE)
    assert (parity.max_abs, parity.mean_abs) == (1.5, 0.5)
    assert parity.cosine == pytest.approx(25 / (5 * math.sqrt(27.25)), abs=1e-15)
    assert parity.snr_db == pytest.approx(10 * math.log10(25 / 2.25), abs=1e-12)


def test_differences_below_float32_are_not_lost() -> None:
    reference = torch.tensor([2.0**24, 1.0])
    parity = measure_parity(reference.double() + torch.tensor([0.25, 0.0]).double(), reference)
    assert parity.max_abs == 0.25


def test_a_scaled_output_has_cosine_one_and_an_absolute_difference() -> None:
    parity = measure_parity(REFERENCE * 2, REFERENCE)
    assert parity.cosine == 1.0 and parity.max_abs == 4.0


def test_zeros_agree_with_nothing() -> None:
    assert measure_parity(torch.zeros(1, 3), REFERENCE).cosine == 0.0


@pytest.mark.parametrize(
    ("actual", "expected", "reason"),
    [
        (torch.ones(3), REFERENCE, "shape"),
        (torch.tensor([[1.0, math.nan, 1.0]]), REFERENCE, "the program's output"),
        (REFERENCE, torch.tensor([[1.0, math.inf, 1.0]]), "the eager model's output"),
        (torch.zeros(3), torch.zeros(3), "constant"),
        (torch.ones(3), torch.ones(3), "constant"),
    ],
)
def test_incomparable_outputs_are_a_mismatch(
    actual: torch.Tensor, expected: torch.Tensor, reason: str
) -> None:
    with pytest.raises(PteError, match=reason) as caught:
        measure_parity(actual, expected)
    assert caught.value.kind == "mismatch"


@pytest.mark.parametrize(
    ("cosine", "difference", "problems"),
    [(None, 1.5, 0), (None, 1.4, 1), (0.957, None, 0), (0.958, None, 1), (0.958, 1.4, 2)],
)
def test_each_threshold_is_applied(
    cosine: float | None, difference: float | None, problems: int
) -> None:
    checks = Checks(cosine, difference, {})
    outcome = parity_outcome(["y"], [torch.tensor([[3.0, 1.5, 4.0]])], [REFERENCE], checks)
    assert len(outcome.problems) == problems
    assert set(outcome.measured) == {"y"}


def test_the_second_output_counts_too() -> None:
    outputs, expected = [REFERENCE, REFERENCE + 1], [REFERENCE, REFERENCE]
    outcome = parity_outcome(["a", "b"], outputs, expected, Checks(None, 0.5, {}))
    assert len(outcome.problems) == 1 and "'b'" in outcome.problems[0]


def test_a_missing_output_is_a_mismatch() -> None:
    with pytest.raises(PteError, match="1 outputs, but the eager model has 2"):
        parity_outcome(["a", "b"], [REFERENCE], [REFERENCE, REFERENCE], Checks(None, 1.0, {}))


def test_without_a_difference_there_is_no_noise_to_measure() -> None:
    assert measure_parity(REFERENCE.clone(), REFERENCE).snr_db is None


def test_only_a_classifier_has_classes_that_score_highest() -> None:
    found, expected = torch.tensor([[3.0, 5.0, 4.0]]), torch.tensor([[3.0, 4.0, 5.0]])
    checks = Checks(None, 9.0, {})
    outcome = parity_outcome(["y"], [found], [expected], checks, classes=3)
    measured: Any = outcome.measured["y"]
    assert (measured["top1_agreement"], measured["top5_agreement"]) == (0.0, 1.0)
    for classes in (None, 4):
        other: Any = parity_outcome(["y"], [found], [expected], checks, classes=classes).measured
        assert "top1_agreement" not in other["y"]


def test_the_worst_of_all_outputs_is_held_to_the_thresholds() -> None:
    outputs, expected = [REFERENCE, REFERENCE + 1], [REFERENCE, REFERENCE]
    outcome = parity_outcome(["a", "b"], outputs, expected, Checks(None, 2.0, {}))
    (bound,) = outcome.bounds
    assert (bound.name, bound.measured, bound.threshold) == ("max_abs_difference", 1.0, 2.0)


RANKED = torch.tensor([0.0, 5.0, 4.0, 3.0, 2.0, 1.0, -1.0])


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
    assert top_k_agreement(scores, RANKED, 1) == first
    assert top_k_agreement(scores, RANKED, 5) == five


def test_few_classes_and_equal_scores() -> None:
    assert top_k_agreement(torch.tensor([1.0, 2.0]), torch.tensor([2.0, 1.0]), 5) == 1.0
    assert top_k_agreement(torch.ones(3), torch.ones(3), 1) == 1.0


def test_the_relative_error_has_no_unit() -> None:
    reference = torch.tensor([[3000.0, -4000.0]])
    checks = Checks(None, 1e6, {}, max_relative_error=0.2)
    for factor, fails in ((1.19, False), (1.21, True), (2.0, True)):
        outcome = parity_outcome(["a"], [reference * factor], [reference], checks)
        assert bool(outcome.problems) == fails
        (bound,) = (one for one in outcome.bounds if one.name == "max_relative_error")
        assert bound.measured == pytest.approx(factor - 1, rel=1e-4)
    same = parity_outcome(["a"], [reference], [reference], checks)
    assert [one.measured for one in same.bounds] == [0.0, 0.0]

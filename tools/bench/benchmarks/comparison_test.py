from __future__ import annotations

import pytest

from bench.benchmarks.comparison import TimeComparison, compare
from bench.benchmarks.measurement import Goal


def test_the_two_are_called_in_turns() -> None:
    calls: list[str] = []
    said: list[str] = []

    def timed(name: str, seconds: list[float]) -> float:
        calls.append(name)
        return seconds.pop(0)

    first, second = [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]
    comparison = compare(
        3, lambda: timed("A", first), lambda: timed("B", second), lambda text: said.append(text)
    )
    assert "".join(calls) == "ABABAB"
    assert comparison == TimeComparison((1.0, 2.0, 3.0), (4.0, 5.0, 6.0))
    assert said[-1] == "round 3 of 3: 3.00 s against 6.00 s"


def test_the_ratio_is_of_medians_so_one_slow_round_does_not_count() -> None:
    comparison = TimeComparison((3.0, 900.0, 2.0), (2.0, 1.0, 800.0))
    assert comparison.ratio == pytest.approx(1.5)
    assert comparison.details()["measured_median"] == 3.0
    assert comparison.details()["baseline_seconds"] == [2.0, 1.0, 800.0]


def test_a_row_has_the_ratio_and_what_it_is_of() -> None:
    goal = Goal("at_most", 0.7)
    row = TimeComparison((1.0,), (2.0,)).row("rebuild", "this", "that", goal, program="a:b")
    assert (row.benchmark, row.what, row.baseline, row.unit) == ("rebuild", "this", "that", "ratio")
    assert (row.value, row.goal, row.details["program"]) == (0.5, goal, "a:b")
    assert row.details["baseline_median"] == 2.0


def test_an_even_number_of_rounds() -> None:
    assert TimeComparison((1.0, 2.0), (1.0, 1.0)).ratio == pytest.approx(1.5)


def test_no_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one round"):
        compare(0, lambda: 1.0, lambda: 1.0, lambda text: None)

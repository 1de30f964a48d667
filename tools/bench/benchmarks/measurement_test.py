from __future__ import annotations

import pytest

from bench.benchmarks.measurement import Goal, Measurement


@pytest.mark.parametrize(
    ("goal", "value", "met"),
    [
        (Goal("at_most", 1.5), 1.5, True),
        (Goal("at_most", 1.5), 1.51, False),
        (Goal("at_most", 0), 0, True),
        (Goal("at_most", 0), 1, False),
        (Goal("at_least", 1), 1, True),
        (Goal("at_least", 1), 0, False),
    ],
)
def test_a_goal_includes_its_bound(goal: Goal, value: float, met: bool) -> None:
    assert Measurement("noop", "a", "b", value, "ratio", goal).met is met


def test_a_goal_reads_as_text() -> None:
    assert str(Goal("at_most", 1.25)) == "at most 1.25"
    assert str(Goal("at_least", 1)) == "at least 1"

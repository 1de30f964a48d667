from __future__ import annotations

import pytest

from pte_foundry.tree.plots.dots import Dot, DotRow, dot_chart
from pte_foundry.tree.plots.svg import Picture


def places(picture: Picture) -> list[float]:
    return [float(shape.get("cx", "")) for shape in picture.shapes if shape.tag == "circle"]


def words(picture: Picture) -> list[str | None]:
    return [shape.text for shape in picture.shapes if shape.tag == "text"]


def test_ten_times_as_much_is_always_as_far() -> None:
    dots = tuple(Dot(value, "") for value in (1e-5, 1e-4, 1e-3))
    first, second, third = places(dot_chart("errors", [DotRow("a", dots, bound=1e-3)]))
    assert second - first == pytest.approx(third - second, abs=0.05) and second > first


def test_the_axis_holds_values_and_bound() -> None:
    picture = dot_chart("errors", [DotRow("a", (Dot(2e-5, "of a"),), ((3e-7, 2e-5),), 4e-2)])
    assert [w for w in words(picture) if w and w.startswith("1e")] == [
        f"1e{exponent}" for exponent in range(-7, 0)
    ]
    (bound,) = (s for s in picture.shapes if s.get("class") == "series2")
    assert places(picture)[0] < float(bound.get("x", "")) < picture.width


def test_no_difference_at_all_is_at_the_left_end() -> None:
    picture = dot_chart("errors", [DotRow("a", (Dot(0.0, ""), Dot(1e-3, "")))])
    rules = [s for s in picture.shapes if s.tag == "line"]
    assert places(picture)[0] == min(float(rule.get("x1", "")) for rule in rules)


def test_a_note_stands_where_there_are_no_dots() -> None:
    picture = dot_chart("errors", [DotRow("a", (), note="not compared")])
    assert "not compared" in words(picture) and places(picture) == []


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_a_value_that_has_no_place_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="negative or not finite"):
        dot_chart("errors", [DotRow("a", (Dot(value, ""),))])

from __future__ import annotations

import pytest

from pte_foundry.tree.plots.charts import Bar, Dot, DotRow, Row, bar_chart, dot_chart
from pte_foundry.tree.plots.svg import Picture


def boxes(picture: Picture, colour: str) -> list[tuple[float, float]]:
    """Left edge and width of the bars of one series, without the legend's, which all have the same size."""
    found = [s for s in picture.shapes if s.tag == "rect" and s.get("class") == colour]
    return [
        (float(s.get("x", "")), float(s.get("width", ""))) for s in found if s.get("height") == "13"
    ]


def test_lengths_are_in_proportion_from_one_edge() -> None:
    rows = [Row("small", (Bar(1.0, "1"),)), Row("large", (Bar(4.0, "4"),))]
    (left, small), (other_left, large) = boxes(bar_chart("sizes", rows), "series0")
    assert left == other_left and large == pytest.approx(4 * small, abs=0.05)


def test_each_series_has_its_colour_and_absent_values_have_no_bar() -> None:
    rows = [Row("a", (Bar(1.0, "1"), Bar(None, "not measured")))]
    picture = bar_chart("times", rows, ("first", "second"))
    assert len(boxes(picture, "series0")) == 1 and boxes(picture, "series1") == []
    words = [shape.text for shape in picture.shapes if shape.tag == "text"]
    assert words == ["times", "first", "second", "a", "1", "not measured"]


def test_zero_is_seen() -> None:
    assert boxes(bar_chart("sizes", [Row("a", (Bar(0.0, "0"),))]), "series0")[0][1] == 1


def test_the_mark_is_where_its_value_is_and_no_text_lies_on_it() -> None:
    rows = [Row("a", (Bar(0.98, "0.98"),)), Row("b", (Bar(2.0, "2"),))]
    picture = bar_chart("ratios", rows, mark=1.0)
    (mark,) = (s for s in picture.shapes if s.get("class") == "ink-stroke")
    left, width = boxes(picture, "series0")[1]
    place = float(mark.get("x1", ""))
    assert place == pytest.approx(left + width / 2, abs=0.05)
    (text,) = (s for s in picture.shapes if s.text == "0.98")
    assert float(text.get("x", "")) > place


def test_the_mark_of_a_bar_is_on_its_scale_and_the_text_stands_beyond_it() -> None:
    rows = [Row("a", (Bar(1.0, "1 (4)", mark=4.0),)), Row("b", (Bar(2.0, "2"),))]
    picture = bar_chart("times", rows)
    left, width = boxes(picture, "series0")[0]
    (stroke,) = (s for s in picture.shapes if s.tag == "rect" and s.get("class") == "ink")
    place = float(stroke.get("x", "")) + 1
    assert place - left == pytest.approx(4 * width, abs=0.1)
    (text,) = (s for s in picture.shapes if s.text == "1 (4)")
    assert place < float(text.get("x", "")) < picture.width


@pytest.mark.parametrize(
    ("rows", "series"),
    [
        ([], ()),
        ([Row("a", (Bar(-1.0, "-1"),))], ()),
        ([Row("a", (Bar(1.0, "1", mark=-1.0),))], ()),
        ([Row("a", (Bar(1.0, "1"),))], ("one", "two")),
    ],
)
def test_impossible_bars_are_refused(rows: list[Row], series: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="sizes: "):
        bar_chart("sizes", rows, series)


def places(picture: Picture) -> list[float]:
    return [float(shape.get("cx", "")) for shape in picture.shapes if shape.tag == "circle"]


def words(picture: Picture) -> list[str | None]:
    return [shape.text for shape in picture.shapes if shape.tag == "text"]


def test_a_factor_of_ten_is_always_the_same_distance() -> None:
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

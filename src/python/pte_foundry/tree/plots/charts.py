"""Horizontal bars from zero, and dots on a logarithmic axis with the bound that they must not exceed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pte_foundry.tree.plots.svg import SERIES, Picture, legend, text_width

_WIDTH = 720.0
_THICKNESS = 13.0
_GAP = 2.0
_BETWEEN = 9.0
_HEADING = 24.0


@dataclass(frozen=True)
class Bar:
    """`text`, at the bar's end, says the value; without a value there is only the text.

    `mark` is another value, such as the baseline's: a stroke across this bar.
    """

    value: float | None
    text: str
    mark: float | None = None


@dataclass(frozen=True)
class Row:
    """One label with a bar for each series."""

    label: str
    bars: tuple[Bar, ...]


def bar_chart(
    title: str, rows: Sequence[Row], series: Sequence[str] = (), mark: float | None = None
) -> Picture:
    """Bars from zero, all to the same scale.

    Args:
        title: says what is shown, and in which unit.
        series: what the bars of each row stand for, in their order; empty if there is one bar and the title says it.
        mark: a value at which a line is drawn through all rows, e.g. that of the baseline.

    Raises:
        ValueError: for no rows, negative values, or rows that do not have one bar for each series.
    """
    if not rows:
        raise ValueError(f"{title}: nothing to show")
    count = len(series) or 1
    if any(len(row.bars) != count for row in rows) or count > len(SERIES):
        raise ValueError(f"{title}: each row needs {count} bars, at most {len(SERIES)}")
    bars = [bar for row in rows for bar in row.bars]
    values = [value for bar in bars for value in (bar.value, bar.mark) if value is not None]
    if any(value < 0 for value in values):
        raise ValueError(f"{title}: a bar begins at zero and cannot be negative")
    most = max([*values, mark or 0.0]) or 1.0
    left = max(text_width(row.label) for row in rows) + 10
    right = max(text_width(bar.text) for bar in bars) + 12
    scale = max(_WIDTH - left - right, 120.0) / most
    block = count * (_THICKNESS + _GAP) + _BETWEEN
    top = 20 + (_HEADING if series else 4)
    picture = Picture(title, left + scale * most + right, top + block * len(rows))
    picture.text(0, 12, title, "faint")
    if series:
        legend(picture, left, 20 + 12, series)
    bottom = top + block * len(rows) - _BETWEEN
    picture.rule(left, top, left, bottom)
    for number, row in enumerate(rows):
        y = top + block * number
        middle = y + count * (_THICKNESS + _GAP) / 2
        picture.text(left - 8, middle + 3.5, row.label, anchor="end")
        for bar, colour in zip(row.bars, SERIES):
            length = scale * (bar.value or 0.0)
            if bar.value is not None:
                # At least one pixel, to be visible.
                picture.box(
                    left, y, max(length, 1.0), _THICKNESS, colour, f"{row.label}: {bar.text}"
                )
            if bar.mark is not None:
                picture.box(left + scale * bar.mark - 1, y - 1, 2, _THICKNESS + 2, "ink")
            start = left + max(length, scale * (bar.mark or 0.0)) + 6
            line = left + scale * (mark or 0.0)
            if mark is not None and start < line + 4 and start + text_width(bar.text) > line:
                start = line + 6
            picture.text(start, y + _THICKNESS - 2.5, bar.text, "faint")
            y += _THICKNESS + _GAP
    if mark is not None:
        picture.rule(left + scale * mark, top - 3, left + scale * mark, bottom + 3, "ink")
    return picture


_ROW = 24.0
_RADIUS = 3.5
_AXIS = 24.0


@dataclass(frozen=True)
class Dot:
    """A value of zero, which is drawn at the left end, or above; `hint` says what was measured."""

    value: float
    hint: str


@dataclass(frozen=True)
class DotRow:
    """`spans` are drawn as lines from one value to the other, `bound` as a stroke, `note` instead of dots."""

    label: str
    dots: tuple[Dot, ...]
    spans: tuple[tuple[float, float], ...] = ()
    bound: float | None = None
    note: str = ""


def dot_chart(title: str, rows: Sequence[DotRow]) -> Picture:
    """One row for each label, all on one axis of powers of ten.

    Raises:
        ValueError: for no rows, or a value that is negative or not finite.
    """
    if not rows:
        raise ValueError(f"{title}: nothing to show")
    values = [value for row in rows for value in _values(row)]
    if any(value < 0 or not math.isfinite(value) for value in values):
        raise ValueError(f"{title}: a value is negative or not finite")
    low, high = _decades([value for value in values if value > 0])
    left = max(text_width(row.label) for row in rows) + 14
    scale = max(_WIDTH - left - 20, 160.0) / (high - low)

    def place(value: float) -> float:
        return left + scale * (max(math.log10(value), low) - low if value > 0 else 0.0)

    bottom = 24 + _ROW * len(rows)
    picture = Picture(title, left + scale * (high - low) + 20, bottom + _AXIS)
    picture.text(0, 12, title, "faint")
    # No more labels than there is room for.
    step = max(1, math.ceil(40 / scale))
    for exponent in range(low, high + 1):
        x = left + scale * (exponent - low)
        picture.rule(x, 22, x, bottom)
        if (exponent - low) % step == 0:
            picture.text(x, bottom + 15, f"1e{exponent}", "faint", "middle")
    for number, row in enumerate(rows):
        y = 24 + _ROW * number + _ROW / 2
        picture.text(left - 10, y + 4, row.label, anchor="end")
        if row.note:
            picture.text(left + 6, y + 4, row.note, "faint")
        for start, end in row.spans:
            picture.rule(place(start), y, place(end), y, "series1")
        for dot in row.dots:
            picture.dot(place(dot.value), y, _RADIUS, "series0", dot.hint)
        if row.bound is not None:
            hint = f"{row.label}: at most {row.bound:g}"
            picture.box(place(row.bound) - 1, y - 8, 2, 16, "series2", hint)
    return picture


def _values(row: DotRow) -> list[float]:
    bound = [] if row.bound is None else [row.bound]
    return [*(dot.value for dot in row.dots), *(end for span in row.spans for end in span), *bound]


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """The powers of ten around the values, at least one apart."""
    if not values:
        return 0, 1
    low = math.floor(math.log10(min(values)))
    high = math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)

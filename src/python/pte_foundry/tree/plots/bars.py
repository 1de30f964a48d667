"""Horizontal bars: quantities that begin at zero, beside each other."""

from __future__ import annotations

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
    """`text` says the value at the bar's end; a value of None is said to be absent by its text alone.

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
    """All bars of one scale, from zero.

    Args:
        title: says what is shown, and in which unit.
        series: what the bars of each row stand for, in their order; none if there is one bar and the title says it.
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
                # One pixel at least, so that it is visible.
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

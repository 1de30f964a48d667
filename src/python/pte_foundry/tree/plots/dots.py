"""Dots on a logarithmic axis: values of very different sizes, and the bound that they must keep."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pte_foundry.tree.plots.svg import Picture, text_width

_WIDTH = 720.0
_ROW = 24.0
_RADIUS = 3.5
_AXIS = 24.0


@dataclass(frozen=True)
class Dot:
    """A value above zero, or zero, which is drawn at the left end; `hint` says what it is of."""

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
    # Not more labels than there is room for.
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

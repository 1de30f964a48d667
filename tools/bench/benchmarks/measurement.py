"""A number, what it is compared with, and the goal for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Goal:
    """The bound itself meets the goal: `at_most` 1.5 is met by 1.5."""

    kind: Literal["at_most", "at_least"]
    bound: float

    def is_met_by(self, value: float) -> bool:
        return value <= self.bound if self.kind == "at_most" else value >= self.bound

    def __str__(self) -> str:
        return f"{self.kind.replace('_', ' ')} {self.bound:g}"


@dataclass(frozen=True)
class Measurement:
    """One row of the result.

    Attributes:
        what: what was measured; for a ratio the numerator.
        baseline: what it is compared with; for a ratio the denominator.
        unit: "ratio" (no unit), "exports" and "validations" (counts of such processes), "files" or "runtimes" (counts),
            "GB" (10^9 bytes), or "s" (seconds, where a goal is a time and not a ratio).
        details: what the value was computed from; values that JSON can hold. Times in seconds.
    """

    benchmark: str
    what: str
    baseline: str
    value: float
    unit: Literal["ratio", "exports", "validations", "files", "runtimes", "GB", "s"]
    goal: Goal
    details: Mapping[str, object] = field(default_factory=dict)

    @property
    def met(self) -> bool:
        return self.goal.is_met_by(self.value)


def value_text(value: float, unit: str) -> str:
    """A measurement's value for people, e.g. `1.234`, `2.60 GB`, `3 exports`."""
    if unit == "ratio":
        return f"{value:.3f}"
    return f"{value:.2f} GB" if unit == "GB" else f"{value:g} {unit}"


def threads_text(threads: int) -> str:
    """E.g. `1 thread`, `2 threads`."""
    return f"{threads} thread{'' if threads == 1 else 's'}"

"""One named check of a validation and its outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from pte_foundry.errors import PteError

_T = TypeVar("_T")

Kind = Literal[
    "build",  # the eager reference cannot be built
    "load",  # the runtime does not load the program
    "run",  # it loads but does not run, or its results differ from run to run
    "mismatch",  # it runs, but disagrees with the eager model or with what is on a photograph
    "delegation",  # it breaks its backend's promise
    "structure",  # the bytes are not what the report says, or reveal the machine that made them
    "budget",  # it is larger, or plans more memory, than allowed
    "skipped",  # not checked, for the reason in the message
]
Status = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class Bound:
    """A measured value and its threshold.

    Attributes:
        name: the field of `pte_test` that declares the threshold; it begins with `min_` or `max_`.
        measured: the worst value of the check.
    """

    name: str
    measured: float
    threshold: float

    def __post_init__(self) -> None:
        if not self.name.startswith(("min_", "max_")):
            raise ValueError(f"{self.name} begins with neither `min_` nor `max_`")

    @property
    def is_broken(self) -> bool:
        """Whether the measured value is beyond the threshold."""
        return self._is_beyond(self.threshold)

    def is_worse_than(self, other: Bound) -> bool:
        """Whether this value is worse than that of another bound of the same name."""
        return self._is_beyond(other.measured)

    def _is_beyond(self, value: float) -> bool:
        return self.measured < value if self.name.startswith("min_") else self.measured > value


def bounds_of(
    measured: Mapping[str, float], thresholds: Mapping[str, float | None]
) -> tuple[Bound, ...]:
    """A bound for each measured value that has a threshold, by name."""
    return tuple(
        Bound(name, value, threshold)
        for name, value in measured.items()
        if (threshold := thresholds.get(name)) is not None
    )


@dataclass(frozen=True)
class Case:
    """The outcome of one check.

    Attributes:
        message: what was seen; for a failure also what to do next.
        measured: JSON values behind the verdict.
        bounds: those of them that the test has a threshold for.
    """

    name: str
    kind: Kind
    status: Status
    message: str
    measured: Mapping[str, object]
    bounds: tuple[Bound, ...] = ()

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "kind": self.kind,
            "status": self.status,
            "message": self.message,
            "measured": dict(self.measured),
            "thresholds": {
                bound.name: {"measured": bound.measured, "threshold": bound.threshold}
                for bound in self.bounds
            },
        }


@dataclass(frozen=True)
class Outcome:
    """What a check found; `problems` is empty if nothing is wrong."""

    message: str
    problems: tuple[str, ...] = ()
    measured: Mapping[str, object] = field(default_factory=dict)
    bounds: tuple[Bound, ...] = ()


def run_case(name: str, kind: Kind, check: Callable[[], Outcome]) -> Case:
    """Run one check; an exception fails this case and no other."""
    return run_case_for(name, kind, lambda: (check(), None))[0]


def run_case_for(
    name: str, kind: Kind, check: Callable[[], tuple[Outcome, _T]]
) -> tuple[Case, _T | None]:
    """Like `run_case`, for a check that also makes a value for later checks.

    Returns:
        The case, and the value; None in its place if the check raised.
    """
    try:
        outcome, value = check()
    except PteError as error:
        return Case(name, kind, "failed", str(error), {}), None
    except Exception as error:  # Runtime errors of models and delegates have no common class.
        reason = f"{type(error).__name__}: {error}".strip()
        return Case(name, kind, "failed", f"it ended with {reason}", {}), None
    if outcome.problems:
        message = "; ".join(outcome.problems)
        return Case(name, kind, "failed", message, outcome.measured, outcome.bounds), value
    return Case(name, kind, "passed", outcome.message, outcome.measured, outcome.bounds), value


def skipped(name: str, reason: str) -> Case:
    """The case of a check that was not done, with the reason."""
    return Case(name, "skipped", "skipped", reason, {})

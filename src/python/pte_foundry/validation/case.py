"""One named check of a validation and how it came out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from pte_foundry.errors import PteError

_T = TypeVar("_T")

Kind = Literal[
    "build",  # the eager reference cannot be built
    "load",  # the runtime does not load the program
    "run",  # it loads and does not run, or not twice alike
    "mismatch",  # it runs and disagrees with the eager model
    "delegation",  # it breaks its backend's promise
    "structure",  # the bytes are not what the report says
    "budget",  # it needs more memory than its report plans
    "task",  # it does not name what is on a photograph
    "accuracy",  # on trained weights it predicts something else than the eager model
    "skipped",  # not checked, for the reason that the message gives
]
Status = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class Case:
    """The outcome of one check.

    Attributes:
        message: what was seen; for a failure also what to do next.
        measured: JSON values behind the verdict.
    """

    name: str
    kind: Kind
    status: Status
    message: str
    measured: Mapping[str, object]

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "kind": self.kind,
            "status": self.status,
            "message": self.message,
            "measured": dict(self.measured),
        }


@dataclass(frozen=True)
class Outcome:
    """What a check found; `problems` is empty if it found nothing wrong."""

    message: str
    problems: tuple[str, ...] = ()
    measured: Mapping[str, object] = field(default_factory=dict)


def run_case(name: str, kind: Kind, check: Callable[[], Outcome]) -> Case:
    """Run one check; whatever it raises is a failure of this case and of no other."""
    return run_case_for(name, kind, lambda: (check(), None))[0]


def run_case_for(
    name: str, kind: Kind, check: Callable[[], tuple[Outcome, _T]]
) -> tuple[Case, _T | None]:
    """Like `run_case`, for a check that also makes a value which later checks need.

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
        return Case(name, kind, "failed", "; ".join(outcome.problems), outcome.measured), value
    return Case(name, kind, "passed", outcome.message, outcome.measured), value


def skipped(name: str, reason: str) -> Case:
    """A check that was not done, visibly."""
    return Case(name, "skipped", "skipped", reason, {})

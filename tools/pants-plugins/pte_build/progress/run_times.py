"""How long the processes of a session ran."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pants.option.option_types import IntOption, StrOption
from pants.option.subsystem import Subsystem

# The engine's names for a process that really runs, on this machine or on a worker; a cache hit has none.
LOCAL_RUN = "run_local_process"
REMOTE_RUN = "run_remote_process"

# What a process is for, by its description.
_KINDS = {
    "exports": r"Export .*",
    "validations": r"Validate .*",
    "environments": r"(Build|Prepare) .*|Building .*|Find interpreter .*|Determine distributions .*",
    "tests": r"Run Pytest .*",
    "lint and check": r"Run (Black|MyPy|ruff) .*|Determine Python dependencies .*",
}
OTHER = "other"
# Those whose processes are worth a number each: what a matrix is made of.
_EACH = ("environments", "exports", "validations")


class RunTimesSubsystem(Subsystem):
    options_scope = "run-times"
    help = "Where the time of a run went: exports, validations, tests, environments."

    report_after = IntOption(
        default=60,
        help="At the end of a run whose processes took at least this many seconds, log where the time went.",
    )
    file = StrOption(
        default=None,
        help=(
            "A file to which each run appends its times as a line of JSON: `seconds` of the whole run; for each kind "
            "of process the `count` and the `seconds` of those that ran, without cached ones; and `processes`, the "
            "description and the seconds of each export, validation and environment, in the order of their ends."
        ),
    )


@dataclass
class RunTimes:
    """seconds: how long each process ran, by its kind. processes: description and seconds of those in `_EACH`."""

    begun: float = field(default_factory=time.monotonic)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    processes: list[tuple[str, float]] = field(default_factory=list)

    def add(self, completed: Iterable[Mapping[str, Any]]) -> None:
        for unit in completed:
            if unit["name"] in (LOCAL_RUN, REMOTE_RUN):
                description, taken = unit.get("description", ""), seconds_of(unit, "duration")
                kind = kind_of(description)
                self.seconds.setdefault(kind, []).append(taken)
                if kind in _EACH:
                    self.processes.append((description, taken))

    def line(self) -> str:
        """For a person: `Ran 3 exports (61 s), 12 tests (34 s) in 52 s`. Processes run in parallel."""
        parts = [
            f"{len(taken)} {kind} ({sum(taken):.0f} s)"
            for kind, taken in sorted(self.seconds.items())
        ]
        return f"Ran {', '.join(parts)} in {time.monotonic() - self.begun:.0f} s"

    def append_to(self, file: Path) -> None:
        record = {
            "seconds": round(time.monotonic() - self.begun, 1),
            "kinds": {
                kind: {"count": len(taken), "seconds": round(sum(taken), 1)}
                for kind, taken in sorted(self.seconds.items())
            },
            "processes": [[what, round(taken, 2)] for what, taken in self.processes],
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")

    def total(self) -> float:
        return sum(sum(taken) for taken in self.seconds.values())


def kind_of(description: str) -> str:
    return next(
        (kind for kind, pattern in _KINDS.items() if re.fullmatch(pattern, description)), OTHER
    )


def seconds_of(unit: Mapping[str, Any], what: str) -> float:
    """`what` of a work unit, its `start` or its `duration`, in seconds."""
    return float(unit[f"{what}_secs"]) + float(unit[f"{what}_nanos"]) / 1e9

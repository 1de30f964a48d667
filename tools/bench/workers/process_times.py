"""What each process of a run took: the file that `[run-times] file` makes Pants write."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from workspace.errors import ToolError

_KINDS = {
    "exports": re.compile(r"Export (\S+)"),
    "validations": re.compile(r"Validate (\S+)"),
    "built": re.compile(r"Build the (\S+) toolchain"),
    "prepared": re.compile(r"Prepare the (\S+) toolchain"),
}


@dataclass(frozen=True)
class ProcessTimes:
    """Seconds: exports and validations by program, `built` and `prepared` by toolchain."""

    exports: Mapping[str, float]
    validations: Mapping[str, float]
    built: Mapping[str, float]
    prepared: Mapping[str, float]


def read_process_times(file: Path) -> ProcessTimes:
    """All runs of the file together. Of a process that ran more than once, the longest run counts.

    Raises ToolError if it is not what `[run-times] file` writes.
    """
    seconds: dict[str, dict[str, float]] = {kind: {} for kind in _KINDS}
    for description, taken in _processes(file):
        for kind, pattern in _KINDS.items():
            if found := pattern.fullmatch(description):
                of_kind = seconds[kind]
                of_kind[found[1]] = max(of_kind.get(found[1], 0.0), taken)
    return ProcessTimes(**seconds)


def _processes(file: Path) -> Iterator[tuple[str, float]]:
    """Description and seconds of each process, in the order of the file."""
    try:
        for line in file.read_text(encoding="utf-8").splitlines():
            for description, taken in json.loads(line)["processes"]:
                seconds = float(taken)
                if not 0 <= seconds < float("inf"):
                    raise ValueError(f"{description}: {taken} seconds")
                yield str(description), seconds
    except (OSError, LookupError, TypeError, ValueError) as error:
        raise ToolError(
            f"{file}: these are not the times of processes: {error!r}. Run `./pants` with PANTS_RUN_TIMES_FILE set, "
            "and name that file"
        ) from error

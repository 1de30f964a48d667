"""One run of `./pants`, and what its log says was done."""

from __future__ import annotations

import re
from dataclasses import dataclass

_COMPLETED = re.compile(r"^\S+ \[INFO\] Completed: (Export|Validate) (\S+)$", re.MULTILINE)
_ON_WORKER = re.compile(r"^\S+ \[INFO\] (\S+): started on a worker$", re.MULTILINE)
_SANDBOX = re.compile(r"Preserving local process execution dir (\S+) for (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class PantsRun:
    """output: standard output and standard error, without colours. seconds: wall-clock time."""

    arguments: tuple[str, ...]
    exit_code: int
    output: str
    seconds: float

    @property
    def exports(self) -> tuple[str, ...]:
        """Addresses of the programs that were exported, not taken from a cache; sorted."""
        return self._completed("Export")

    @property
    def on_workers(self) -> tuple[str, ...]:
        """Addresses of the programs that a worker exported or validated; sorted."""
        return tuple(sorted(set(_ON_WORKER.findall(self.output))))

    @property
    def validations(self) -> tuple[str, ...]:
        """Addresses of the programs that were validated, not taken from a cache; sorted."""
        return self._completed("Validate")

    def sandboxes(self, description: str) -> tuple[str, ...]:
        """Folders that `--keep-sandboxes=always` kept of processes with this description."""
        return tuple(
            folder for folder, what in _SANDBOX.findall(self.output) if what == description
        )

    def _completed(self, what: str) -> tuple[str, ...]:
        return tuple(sorted(name for kind, name in _COMPLETED.findall(self.output) if kind == what))

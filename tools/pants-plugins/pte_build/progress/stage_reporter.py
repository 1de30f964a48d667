"""From the engine's work units and the stage files to the lines that a person sees."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pte_build.progress.run_times import LOCAL_RUN, REMOTE_RUN, seconds_of
from pte_build.progress.stage_files import RequestKeys, Stage, read_stages, stage_file

_DESCRIPTION = re.compile(r"(?P<verb>Export|Fetch|Validate) (?P<address>\S+)")
_DONE = {"Export": "exported", "Fetch": "fetched", "Validate": "validated"}


@dataclass
class _Run:
    """span: its work unit. remote: whether a worker runs it, whose stages are not seen before the end."""

    span: str
    description: str
    address: str
    done: str
    started: float
    remote: bool
    reported: int = 0


class StageReporter:
    """Follows the exports, validations and downloads of one session.

    folder: the named cache with the stage files.
    pants_pid: the Pants process whose children are followed.
    """

    def __init__(self, folder: Path, pants_pid: int, keys: RequestKeys) -> None:
        self._folder = folder
        self._pants_pid = pants_pid
        self._keys = keys
        # By description: a run that is cancelled has no end, and the next one of this description takes its place.
        self._runs: dict[str, _Run] = {}

    def poll(
        self, started: Iterable[Mapping[str, Any]], completed: Iterable[Mapping[str, Any]]
    ) -> list[str]:
        """The lines to log now. The arguments are the work units that began and ended since the last call."""
        lines: list[str] = []
        for run in filter(None, map(_run, started)):
            self._runs[run.description] = run
            if run.remote:
                lines.append(f"{run.address}: started on a worker")
        for unit in completed:
            ended = _run(unit)
            if ended is None:
                continue
            current = self._runs.get(ended.description, ended)
            if current.span != ended.span:
                continue
            self._runs.pop(ended.description, None)
            if not ended.remote:
                lines += self._end(ended, seconds_of(unit, "duration"))
        for run in self._runs.values():
            if run.remote:
                continue
            stages = self._stages(run)
            for stage in stages[run.reported :]:
                if stage.name:
                    after = stage.begun - run.started
                    lines.append(f"{run.address}: {stage.name} ({after:.0f} s)")
            run.reported = len(stages)
        return lines

    def _end(self, run: _Run, seconds: float) -> list[str]:
        stages = self._stages(run)
        for file in self._files(run):
            file.unlink(missing_ok=True)
        if not stages:
            return []
        *before, last = stages
        if last.name:
            return [f"{run.address}: ended after {seconds:.1f} s, while {last.name}"]
        if run.done == _DONE["Fetch"]:
            # Its stages say how far it is, every ten seconds.
            return [f"{run.address}: {run.done} in {seconds:.1f} s"]
        parts = [
            f"{stage.name} {following.begun - stage.begun:.1f}"
            for stage, following in zip([Stage(run.started, "starting"), *before], stages)
        ]
        return [f"{run.address}: {run.done} in {seconds:.1f} s ({', '.join(parts)})"]

    def _stages(self, run: _Run) -> list[Stage]:
        found = (read_stages(file, run.started) for file in self._files(run))
        return sorted((stage for stages in found for stage in stages), key=lambda each: each.begun)

    def _files(self, run: _Run) -> list[Path]:
        return [
            stage_file(self._folder, key, self._pants_pid) for key in self._keys.of(run.description)
        ]


def said_of(description: str) -> tuple[str, str] | None:
    """The address in a process's description, and how its end is called; None if no stages are told of it."""
    found = _DESCRIPTION.fullmatch(description)
    return None if found is None else (found["address"], _DONE[found["verb"]])


def _run(unit: Mapping[str, Any]) -> _Run | None:
    description = unit.get("description", "")
    said = said_of(description)
    if unit["name"] not in (LOCAL_RUN, REMOTE_RUN) or said is None:
        return None
    address, done = said
    remote = unit["name"] == REMOTE_RUN
    started = seconds_of(unit, "start")
    return _Run(unit["span_id"], description, address, done, started, remote)

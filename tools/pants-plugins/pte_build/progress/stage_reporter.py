"""From the engine's work units and the stage files to the lines that a person sees."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pte_build.progress.run_times import RUN, seconds_of
from pte_build.progress.stage_files import RequestKeys, Stage, read_stages, stage_file

_DESCRIPTION = re.compile(r"(?P<verb>Export|Fetch|Validate) (?P<address>\S+)")
_DONE = {"Export": "exported", "Fetch": "fetched", "Validate": "validated"}


@dataclass
class _Run:
    description: str
    verb: str
    address: str
    started: float
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
        self._runs: dict[str, _Run] = {}

    def poll(
        self, started: Iterable[Mapping[str, Any]], completed: Iterable[Mapping[str, Any]]
    ) -> list[str]:
        """The lines to log now. The arguments are the work units that began and ended since the last call."""
        self._runs.update((unit["span_id"], run) for unit in started if (run := _run(unit)))
        lines = []
        for unit in completed:
            run = self._runs.pop(unit["span_id"], None) or _run(unit)
            if run is not None:
                lines += self._end(run, seconds_of(unit, "duration"))
        for run in self._runs.values():
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
        if run.verb == "Fetch":
            # Its stages say how far it is, every ten seconds.
            return [f"{run.address}: {_DONE[run.verb]} in {seconds:.1f} s"]
        parts = [
            f"{stage.name} {following.begun - stage.begun:.1f}"
            for stage, following in zip([Stage(run.started, "starting"), *before], stages)
        ]
        return [f"{run.address}: {_DONE[run.verb]} in {seconds:.1f} s ({', '.join(parts)})"]

    def _stages(self, run: _Run) -> list[Stage]:
        found = (read_stages(file, run.started) for file in self._files(run))
        return sorted((stage for stages in found for stage in stages), key=lambda each: each.begun)

    def _files(self, run: _Run) -> list[Path]:
        return [
            stage_file(self._folder, key, self._pants_pid) for key in self._keys.of(run.description)
        ]


def _run(unit: Mapping[str, Any]) -> _Run | None:
    found = _DESCRIPTION.fullmatch(unit.get("description", ""))
    if unit["name"] != RUN or found is None:
        return None
    return _Run(found[0], found["verb"], found["address"], seconds_of(unit, "start"))

"""`scale`: how times and memory grow with the number of programs, whose exports do next to nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from statistics import median

from bench.benchmarks.measurement import Goal, Measurement
from bench.benchmarks.scale_workspace import (
    BACKENDS,
    ScaleWorkspace,
    scale_workspace,
)
from bench.benchmarks.setting import Setting
from workspace.errors import ToolError
from workspace.pants_run import PantsRun

NAME = "scale"
ABOUT = (
    "1,000 stand-in programs against 100 and 10: list, no-op, one checkpoint, one backend; memory"
)
SIZES = (10, 100, 1000)
NOOP_SECONDS = Goal("at_most", 3.0)
CHANGED_SECONDS = Goal("at_most", 2.0)
_ROUNDS = 5


@dataclass(frozen=True)
class Costs:
    """The costs at one size: medians of wall-clock seconds, and the daemon's resident set in GB.

    changed_checkpoint and changed_backend are what the graph costs: no process runs, because all results are cached.
    """

    programs: int
    first_build: float
    list: float
    noop: float
    changed_checkpoint: float
    changed_backend: float
    memory_gb: float


def run(setting: Setting, sizes: Sequence[int] = SIZES) -> tuple[Measurement, ...]:
    costs = [_measure(setting, size) for size in sizes]
    return measurements(costs)


def measurements(costs: Sequence[Costs]) -> tuple[Measurement, ...]:
    """The rows for the largest size, and how each cost grew from the size before. costs: of growing sizes."""
    last = costs[-1]
    # A no-op of the fewest programs costs little more than any command, without work on the graph.
    start = costs[0].noop
    least = f"a no-op of {costs[0].programs} programs"
    checkpoint, backend = last.changed_checkpoint - start, last.changed_backend - start
    changed = "`package ::` after one changed"
    rows = [
        _row("warm no-op `package ::`", "nothing", last, last.noop, NOOP_SECONDS),
        _row(f"{changed} checkpoint, beyond", least, last, checkpoint, CHANGED_SECONDS),
        _row(f"{changed} backend module, beyond", least, last, backend, CHANGED_SECONDS),
    ]
    for fewer, more in zip(costs, costs[1:]):
        for what in ("list", "noop", "changed_checkpoint", "changed_backend", "memory_gb"):
            grown = getattr(more, what) / getattr(fewer, what)
            rows.append(
                Measurement(
                    NAME,
                    f"{what.replace('_', ' ')}: {more.programs} programs",
                    f"{fewer.programs} programs",
                    grown,
                    "ratio",
                    # Linear, or better.
                    Goal("at_most", more.programs / fewer.programs),
                    {"measured": asdict(more), "baseline": asdict(fewer)},
                )
            )
    return tuple(rows)


def _row(what: str, baseline: str, costs: Costs, seconds: float, goal: Goal) -> Measurement:
    what = f"{costs.programs} programs: {what}"
    return Measurement(NAME, what, baseline, round(seconds, 2), "s", goal, asdict(costs))


def _measure(setting: Setting, programs: int) -> Costs:
    setting.progress(f"building {programs} programs from an empty store")
    folder = setting.scratch / str(programs)
    with scale_workspace(
        setting.repository, folder, dict(setting.environment), programs
    ) as workspace:
        first = _package(workspace, programs)
        # Whatever an edit leads to is built once, so that only the graph is measured afterwards.
        _package_changed(workspace, workspace.changed_checkpoint, BACKENDS)
        _package_changed(workspace, workspace.changed_backend, programs // BACKENDS)
        rounds = setting.rounds or _ROUNDS
        costs = Costs(
            programs,
            round(first.seconds, 2),
            _median(rounds, lambda: workspace.clone.pants("list", "::").seconds),
            _median(rounds, lambda: _package(workspace, 0).seconds),
            _median(rounds, lambda: _package_changed(workspace, workspace.changed_checkpoint, 0)),
            _median(rounds, lambda: _package_changed(workspace, workspace.changed_backend, 0)),
            round(_daemon_gb(workspace), 3),
        )
    setting.progress(f"{costs}")
    return costs


def _median(rounds: int, seconds: Callable[[], float]) -> float:
    return round(median(seconds() for _ in range(rounds)), 3)


def _package_changed(
    workspace: ScaleWorkspace, edit: Callable[[], AbstractContextManager[None]], exports: int
) -> float:
    """The seconds of `package ::` during the edit. On return, the daemon has seen that the edit was undone."""
    with edit():
        seconds = _package(workspace, exports).seconds
    _package(workspace, 0)
    return seconds


def _package(workspace: ScaleWorkspace, exports: int) -> PantsRun:
    """`package ::`, which must export this many programs. Raises ToolError if it does not."""
    done = workspace.clone.pants("package", "::")
    if len(done.exports) != exports:
        raise ToolError(
            f"of {workspace.programs} programs {exports} should have been exported, but {len(done.exports)} were"
        )
    return done


def _daemon_gb(workspace: ScaleWorkspace) -> float:
    """The resident set of the workspace's pantsd."""
    (pid_file,) = workspace.clone.root.glob(".pids/*/pantsd/pid")
    shown = subprocess.run(
        ["ps", "-o", "rss=", "-p", pid_file.read_text().strip()],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(shown.stdout) * 1024 / 1e9

"""`noop`: what a build costs when nothing changed."""

from __future__ import annotations

from bench.benchmarks.comparison import compare
from bench.benchmarks.measurement import Goal, Measurement
from bench.benchmarks.setting import Setting
from workspace.clone import Clone
from workspace.errors import ToolError

NAME = "noop"
ABOUT = "a warm `package ::` that has nothing to do, against a warm `list ::`"
GOAL = Goal("at_most", 1.5)
_ROUNDS = 9
# The daemon's first answers after a build are slower than those that follow.
_WARM_UP = 2


def run(setting: Setting) -> tuple[Measurement, ...]:
    with setting.clone("repository") as clone:
        setting.progress("building everything once")
        clone.pants("package", "::")
        for _ in range(_WARM_UP):
            _package(clone)
            _list(clone)
        comparison = compare(
            setting.rounds or _ROUNDS,
            lambda: _package(clone),
            lambda: _list(clone),
            setting.progress,
        )
    return (comparison.row(NAME, "warm no-op `package ::`", "warm `list ::`", GOAL),)


def _package(clone: Clone) -> float:
    run = clone.pants("package", "::")
    if run.exports or run.validations:
        raise ToolError(
            f"`package ::` should have nothing to do, but exported {list(run.exports)} and "
            f"validated {list(run.validations)}: something does not stay in the cache"
        )
    return run.seconds


def _list(clone: Clone) -> float:
    return clone.pants("list", "::").seconds

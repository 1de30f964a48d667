"""`tree`: what assembling a tree costs if all of its programs are in the cache."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

from bench.benchmarks.comparison import compare
from bench.benchmarks.measurement import Goal, Measurement
from bench.benchmarks.setting import Setting
from workspace.clone import Clone
from workspace.errors import ToolError

NAME = "tree"
ABOUT = "`package //:tree` from a warm cache, against `cp -r` of the same files"
GOAL = Goal("at_most", 2)
_ROUNDS = 5


def run(setting: Setting) -> tuple[Measurement, ...]:
    with setting.clone("repository") as clone:
        setting.progress("building the tree once")
        clone.pants("package", "//:tree")
        tree = clone.root / "dist/tree"
        files = [path for path in tree.rglob("*") if path.is_file()]
        if not any(path.suffix == ".pte" for path in files):
            raise ToolError(f"{tree} has no .pte file: `package //:tree` did not write the tree")
        size = sum(path.stat().st_size for path in files)
        comparison = compare(
            setting.rounds or _ROUNDS,
            lambda: _package(clone, tree),
            lambda: _copy(tree, setting.scratch / "copy"),
            setting.progress,
        )
    what = "warm `package //:tree` into an empty dist/"
    return (comparison.row(NAME, what, "`cp -r dist/tree`", GOAL, files=len(files), bytes=size),)


def _package(clone: Clone, tree: Path) -> float:
    shutil.rmtree(tree)
    run = clone.pants("package", "//:tree")
    if run.exports or run.validations:
        raise ToolError(
            f"everything should be in the cache, but `package //:tree` exported {list(run.exports)} "
            f"and validated {list(run.validations)}"
        )
    return run.seconds


def _copy(tree: Path, destination: Path) -> float:
    start = time.perf_counter()
    subprocess.run(["cp", "-r", str(tree), str(destination)], check=True)
    seconds = time.perf_counter() - start
    shutil.rmtree(destination)
    return seconds

"""Run `./pants` and keep what it says."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from workspace.child import run_child
from workspace.errors import ToolError
from workspace.pants_run import PantsRun

_OUTPUT_LINES = 40  # shown of a failed run


def run_pants(
    root: Path,
    environment: Mapping[str, str],
    arguments: tuple[str, ...],
    umask: int = -1,
    may_fail: bool = False,
) -> PantsRun:
    """Run `./pants` in `root`. Raises ToolError with the end of its output if it fails, unless it may.

    umask: of the process; -1 for this one's own.
    """
    start = time.perf_counter()
    finished = run_child(
        ["./pants", *arguments],
        folder=root,
        environment=environment,
        merge_output=True,
        umask=umask,
    )
    seconds = time.perf_counter() - start
    run = PantsRun(arguments, finished.returncode, finished.stdout, seconds)
    if run.exit_code != 0 and not may_fail:
        raise failed(root, run)
    return run


def failed(root: Path, run: PantsRun) -> ToolError:
    """The error of a run in `root` that should not have failed, with the end of its output."""
    end = "\n".join(run.output.splitlines()[-_OUTPUT_LINES:])
    return ToolError(
        f"`./pants {' '.join(run.arguments)}` failed in {root} with exit code {run.exit_code}. Run it in the "
        f"repository and fix that first. The end of its output:\n{end}"
    )

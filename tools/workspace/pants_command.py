"""Run `./pants` and keep what it says."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from workspace.errors import ToolError
from workspace.pants_run import PantsRun

_OUTPUT_LINES = 40  # shown of a failed run


def run_pants(
    root: Path, environment: Mapping[str, str], arguments: tuple[str, ...], umask: int = -1
) -> PantsRun:
    """Run `./pants` in `root`. Raises ToolError with the end of its output if it fails.

    umask: of the process; -1 for this one's own.
    """
    start = time.perf_counter()
    finished = subprocess.run(
        ["./pants", *arguments],
        cwd=root,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        umask=umask,
    )
    seconds = time.perf_counter() - start
    if finished.returncode != 0:
        end = "\n".join(finished.stdout.splitlines()[-_OUTPUT_LINES:])
        raise ToolError(
            f"`./pants {' '.join(arguments)}` failed in {root} with exit code "
            f"{finished.returncode}. Run it in the repository and mend that first. "
            f"The end of its output:\n{end}"
        )
    return PantsRun(arguments, finished.returncode, finished.stdout, seconds)

"""For tests: publish a tree, here or in a process that is killed at a given step, again and again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from pte_foundry.testing.sample_trees import publish_tree

OLD = {"alpha_portable": b"portable", "alpha_xnnpack": b"fast"}
NEW = {"alpha_portable": b"portable", "alpha_xnnpack": b"faster", "beta_xnnpack": b"b"}
NEVER = 1_000


def publish_here(folder: Path, repository: str) -> None:
    publish_tree(folder, repository, changed=True, removed=True)


def run_until(folder: Path, repository: str, step: int) -> subprocess.CompletedProcess[str]:
    module = "pte_foundry.testing.killed_publisher"
    return subprocess.run(
        [sys.executable, "-m", module, str(folder), repository, str(step)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )


def kill_at_every_step(folder: Path, repository: str) -> Iterator[str]:
    """Publish again and again, killed one step later each time; yield the step that was not reached.

    The last one, which is not killed, is not yielded. It must have succeeded.
    """
    for step in range(NEVER):
        finished = run_until(folder, repository, step)
        if finished.returncode != -signal.SIGKILL:
            assert finished.returncode == 0, finished.stderr
            return
        yield finished.stdout.strip().removeprefix("killed before: ")

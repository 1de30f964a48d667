"""A temporary clone of the repository, and `./pants` in it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from workspace.daemon import is_daemon_of, running_daemons
from workspace.pants_command import run_pants
from workspace.pants_run import PantsRun
from workspace.repository import Repository

_STOP_SECONDS = 20.0


@dataclass(frozen=True)
class Clone:
    """options: of every `./pants`."""

    root: Path
    environment: Mapping[str, str]
    options: tuple[str, ...]

    def pants(self, *arguments: str) -> PantsRun:
        """Run `./pants`. Raises ToolError with the end of its output if it fails."""
        return run_pants(self.root, self.environment, (*self.options, *arguments))

    def artifacts(self) -> dict[str, bytes]:
        """The `.pte` and `.json` files below `dist/`, by path relative to it."""
        dist = self.root / "dist"
        return {
            str(path.relative_to(dist)): path.read_bytes()
            for path in sorted(dist.rglob("*"))
            if path.suffix in (".pte", ".json") and path.is_file()
        }

    def stop(self) -> None:
        """End the clone's daemon and wait until it is gone."""
        for pid in running_daemons(self.root):
            deadline = time.monotonic() + _STOP_SECONDS
            while is_daemon_of(self.root, pid):
                with suppress(ProcessLookupError):  # it ended since
                    os.kill(pid, signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL)
                time.sleep(0.2)


@contextmanager
def temporary_clone(
    repository: Repository,
    destination: Path,
    environment: Mapping[str, str],
    options: tuple[str, ...],
) -> Iterator[Clone]:
    """Copy the working tree's files, as they are now, and commit them. The clone is stopped and deleted at the end."""
    clone = Clone(_copy(repository, destination), environment, options)
    try:
        yield clone
    finally:
        clone.stop()
        shutil.rmtree(clone.root)


def _copy(repository: Repository, destination: Path) -> Path:
    destination.mkdir(parents=True)
    destination = destination.resolve()
    for name in repository.files:
        target = destination / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(repository.root / name, target, follow_symlinks=False)
    git = ["git", "-c", "user.name=Clone", "-c", "user.email=clone@example.invalid"]
    for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "Clone"]):
        subprocess.run([*git, *arguments], cwd=destination, check=True, capture_output=True)
    return destination

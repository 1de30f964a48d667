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

from bench.workspace.errors import BenchError
from bench.workspace.pants_run import PantsRun
from bench.workspace.repository import Repository

# Every benchmark builds alike: from seeded weights, with the repository's own options, and without a
# remote cache, which would do the work that is to be counted.
_OPTIONS = (
    "--no-pantsrc",
    "--no-dynamic-ui",
    "--no-colors",
    "--level=info",
    "--no-remote-cache-read",
    "--no-remote-cache-write",
    "--weights-source=seeded",
)
_OUTPUT_LINES = 40  # shown of a failed run
_STOP_SECONDS = 20.0


@dataclass(frozen=True)
class Clone:
    root: Path
    environment: Mapping[str, str]

    def pants(self, *arguments: str) -> PantsRun:
        """Run `./pants`. Raises BenchError with the end of its output if it fails."""
        start = time.perf_counter()
        finished = subprocess.run(
            ["./pants", *_OPTIONS, *arguments],
            cwd=self.root,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        seconds = time.perf_counter() - start
        if finished.returncode != 0:
            end = "\n".join(finished.stdout.splitlines()[-_OUTPUT_LINES:])
            raise BenchError(
                f"`./pants {' '.join(arguments)}` failed in a clone with exit code "
                f"{finished.returncode}. Run it in the repository and mend that first. "
                f"The end of its output:\n{end}"
            )
        return PantsRun(arguments, finished.returncode, finished.stdout, seconds)

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
        for pid_file in self.root.glob(".pids/*/pantsd/pid"):
            pid = int(pid_file.read_text())
            deadline = time.monotonic() + _STOP_SECONDS
            while self._is_own_daemon(pid):
                with suppress(ProcessLookupError):  # it ended since
                    os.kill(pid, signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL)
                time.sleep(0.2)

    def _is_own_daemon(self, pid: int) -> bool:
        """Whether the process runs and is this clone's: its number may have passed to another."""
        shown = subprocess.run(
            ["ps", "-ww", "-o", "command=", "-p", str(pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        return f"pantsd [{self.root}]" in shown.stdout


@contextmanager
def temporary_clone(
    repository: Repository, destination: Path, environment: Mapping[str, str]
) -> Iterator[Clone]:
    """Copy the working tree's files, as they are now, and commit them. Stopped and deleted at the end."""
    clone = Clone(_copy(repository, destination), environment)
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
    git = ["git", "-c", "user.name=Bench", "-c", "user.email=bench@example.invalid"]
    for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "Clone"]):
        subprocess.run([*git, *arguments], cwd=destination, check=True, capture_output=True)
    return destination

"""Run git with argument lists, and without leaking secrets or depending on the caller."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pte_foundry.errors import PteError

# Git sets these for its hooks; they name another repository (`git rev-parse --local-env-vars`).
_LOCAL = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_DIR", "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_INTERNAL_SUPER_PREFIX", "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
)  # fmt: skip
_SETTINGS = (
    # Larger files are streamed. Deltas between compressed weights save nothing and cost memory.
    "core.bigFileThreshold=16m",
    "core.compression=1",
    "pack.threads=1",
    "pack.window=0",
    "core.quotePath=false",
    # A user's configuration may set it: it starts a process that outlives the run.
    "core.fsmonitor=false",
    "advice.detachedHead=false",
)
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+(?=@)")


@dataclass(frozen=True)
class Git:
    """Git in one folder, with `extra` in its environment. Its messages are in English."""

    folder: Path
    extra: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, stdin: bytes = b"") -> str:
        """The standard output of the command.

        Raises:
            PteError: `git` with the command and its messages, without credentials; `no-git`.
        """
        finished = self._finish(arguments, stdin)
        if finished.returncode != 0:
            output = without_credentials(finished.stderr.decode(errors="replace").strip())
            command = without_credentials(" ".join(["git", *arguments]))
            raise PteError("git", f"`{command}` failed: {output or 'it printed no message'}")
        return finished.stdout.decode(errors="replace")

    def succeeds(self, *arguments: str) -> bool:
        """Whether the exit code of the command is 0."""
        return self._finish(arguments, b"").returncode == 0

    @contextmanager
    def start(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """A command with pipes; the `with` block waits for its end."""
        with subprocess.Popen(
            self._command(arguments),
            env=self._environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:
            yield process

    def _finish(
        self, arguments: tuple[str, ...], stdin: bytes
    ) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                self._command(arguments),
                env=self._environment(),
                input=stdin,
                capture_output=True,
                check=False,
            )
        except FileNotFoundError as error:
            raise PteError("no-git", "there is no `git` on PATH. Install git") from error

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        settings = (part for setting in _SETTINGS for part in ("-c", setting))
        return ["git", "-C", str(self.folder), *settings, *arguments]

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name not in _LOCAL}
        # No transport that runs a command, even if a configuration rewrites the address.
        fixed = {"LC_ALL": "C", "GIT_ALLOW_PROTOCOL": "file:https:ssh"}
        return {**inherited, **fixed, **self.extra}


def without_credentials(text: str) -> str:
    """`text` without the `user:password` of each URL."""
    return _CREDENTIALS.sub("…", text)

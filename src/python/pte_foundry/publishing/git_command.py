"""Run git with argument lists, without what could leak a secret or depend on the caller."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pte_foundry.errors import PteError

# Git sets these for its hooks, and they would lead to another repository (`git rev-parse --local-env-vars`).
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
    # A process that would outlive the run, in the user's own configuration.
    "core.fsmonitor=false",
    "advice.detachedHead=false",
)
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+(?=@)")


@dataclass(frozen=True)
class Git:
    """Git in one folder: a repository, bare or with a working tree.

    `extra` is added to git's environment. Messages of git are in English.
    """

    folder: Path
    extra: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, stdin: bytes = b"") -> str:
        """What the command says on its standard output.

        Raises:
            PteError: `git` with the command and all that git says, without credentials; `no-git`.
        """
        finished = self._finish(arguments, stdin)
        if finished.returncode != 0:
            raise git_error(arguments, finished.stderr)
        return finished.stdout.decode(errors="replace")

    def succeeds(self, *arguments: str) -> bool:
        """Whether the command ends with exit code 0."""
        return self._finish(arguments, b"").returncode == 0

    @contextmanager
    def start(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """A command to talk to by pipes. It has ended after the `with` block."""
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
        # No transport that runs a command, whatever a configuration rewrites the address to.
        fixed = {"LC_ALL": "C", "GIT_ALLOW_PROTOCOL": "file:https:ssh"}
        return {**inherited, **fixed, **self.extra}


def git_error(arguments: tuple[str, ...], stderr: bytes) -> PteError:
    """The error to raise for a git command that failed."""
    said = without_credentials(stderr.decode(errors="replace").strip())
    command = without_credentials(" ".join(["git", *arguments]))
    return PteError("git", f"`{command}` failed: {said or 'without a message'}")


def without_credentials(text: str) -> str:
    """`text` with `user:password` taken out of every URL in it."""
    return _CREDENTIALS.sub("…", text)

"""A temporary clone of this repository, and `./pants` in it, as for a user."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

# Parts of a checkout; a test's sandbox also has files of Pants.
PARTS = (
    ".pants.bootstrap",
    "3rdparty",
    "BUILD",
    # The tree has pages that show them.
    "docs/bench/results",
    "foundry",
    "index.json",
    "index_1_4.json",
    "models",
    "pants",
    "pants.remote-execution.toml",
    "pants.remote.toml",
    "pants.toml",
    "pyproject.toml",
    "src",
    "toolchains",
    "tools",
)
# An edit of BUILD: the tree without the programs of an older ExecuTorch.
WITHOUT_OLDER = ('        ":index_1_4",\n    ],\n    licenses', "    ],\n    licenses")
_EXPORT = re.compile(r"Completed: Export (\S+)")


@dataclass(frozen=True)
class PantsOutcome:
    """The result of one run of `./pants`."""

    exit_code: int
    output: str

    @property
    def exports(self) -> list[str]:
        """The addresses that were exported, rather than taken from a cache."""
        return sorted(_EXPORT.findall(self.output))


@dataclass(frozen=True)
class UserClone:
    """A checkout with its own git repository.

    `environment` changes the test's environment; None removes a variable.
    """

    root: Path
    environment: Mapping[str, str | None] = field(default_factory=dict)

    def run(self, *arguments: str, timeout: float = 1800) -> PantsOutcome:
        """Run `./pants`, without colours and progress display."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PEX", "PYTHON", "PYTEST", "VIRTUAL_ENV"))
        }
        wanted = {**inherited, **self.environment}
        finished = subprocess.run(
            ["./pants", "--no-dynamic-ui", "--no-colors", *arguments],
            cwd=self.root,
            env={name: value for name, value in wanted.items() if value is not None},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        return PantsOutcome(finished.returncode, finished.stdout)

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace the first occurrence of a text in a file."""
        file = self.root / path
        text = file.read_text()
        assert old in text, f"{path} does not contain {old!r}"
        file.write_text(text.replace(old, new, 1))

    @contextmanager
    def edited(self, path: str, old: str, new: str) -> Iterator[None]:
        """`edit` for the length of a `with` block."""
        before = (self.root / path).read_bytes()
        self.edit(path, old, new)
        try:
            yield
        finally:
            (self.root / path).write_bytes(before)

    def dist_files(self) -> dict[str, bytes]:
        """The files in `dist/`, by path."""
        dist = self.root / "dist"
        return {
            str(path.relative_to(dist)): path.read_bytes()
            for path in sorted(dist.rglob("*"))
            if path.is_file()
        }

    def clear_dist(self) -> None:
        shutil.rmtree(self.root / "dist", ignore_errors=True)

    def stop(self) -> None:
        """End the clone's daemon."""
        for pid_file in self.root.glob(".pids/*/pantsd/pid"):
            try:
                os.kill(int(pid_file.read_text()), signal.SIGTERM)
            except (ProcessLookupError, ValueError):
                continue


def user_caches() -> dict[str, str]:
    """The variables that let a clone with another $HOME use the caches of this machine.

    They hold nothing that is in a cache key, and take minutes to fill. Pants' store is another variable.
    """
    home = Path(os.environ["HOME"])
    cache = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    defaults = {
        "PANTS_NAMED_CACHES_DIR": cache / "pants" / "named_caches",
        "PTE_FOUNDRY_CACHE": cache / "pte-foundry",
        "PYENV_ROOT": home / ".pyenv",
    }
    return {name: os.environ.get(name) or str(path) for name, path in defaults.items()}


def git(folder: Path, *arguments: str) -> str:
    """The output of git in this folder, without the final newline."""
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.rstrip("\n")


def make_clone(destination: Path, environment: Mapping[str, str | None] | None = None) -> UserClone:
    """Copy the repository out of the test's sandbox and commit it."""
    destination.mkdir(parents=True)
    for name in PARTS:
        source = Path(name)
        if source.is_dir():
            shutil.copytree(source, destination / name)
        else:
            shutil.copy2(source, destination / name)
    git = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
    for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "Clone"]):
        subprocess.run([*git, *arguments], cwd=destination, check=True)
    return UserClone(destination, environment or {})

"""The repository that a command works on."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from workspace.errors import ToolError
from workspace.root import find_root


@dataclass(frozen=True)
class Repository:
    """files: what git tracks, and new files that it does not ignore, relative to root; sorted.

    modified: whether these differ from `commit`.
    """

    root: Path
    commit: str
    modified: bool
    files: tuple[Path, ...]


def find_repository(root: Path | None = None) -> Repository:
    """The git checkout at `root`, or else where the command was started. Raises ToolError if there is none."""
    root = root or find_root()
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = sorted({name for name in listed.split("\0") if name})
    return Repository(
        root=root,
        commit=_git(root, "rev-parse", "HEAD").strip(),
        modified=bool(_git(root, "status", "--porcelain").strip()),
        # A file that was deleted, and whose deletion is not committed, is still listed.
        files=tuple(Path(name) for name in names if (root / name).exists()),
    )


def _git(root: Path, *arguments: str) -> str:
    try:
        finished = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise ToolError("git was not found; install it, the tools clone with it") from None
    if finished.returncode != 0:
        raise ToolError(f"{root}: `git {' '.join(arguments)}` failed: {finished.stderr.strip()}")
    return finished.stdout

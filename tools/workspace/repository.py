"""The repository that the tool was started in."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from workspace.errors import ToolError


@dataclass(frozen=True)
class Repository:
    """files: what git tracks, and new files that it does not ignore, relative to root; sorted.

    modified: whether these differ from `commit`.
    """

    root: Path
    commit: str
    modified: bool
    files: tuple[Path, ...]


def find_repository(start: Path) -> Repository:
    """The checkout that holds `start`. Raises ToolError if it is no git checkout with `./pants`."""
    for root in (start, *start.parents):
        if (root / "pants.toml").is_file() and (root / "pants").is_file():
            break
    else:
        raise ToolError(
            f"{start}: neither this folder nor one above has pants.toml and the launcher ./pants. "
            "Run the tool inside the repository."
        )
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

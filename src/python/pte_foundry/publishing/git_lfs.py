"""Git LFS: pointers, and the large files that they stand for."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from pte_foundry.errors import PteError
from pte_foundry.publishing.durable_files import copy_file
from pte_foundry.publishing.git_command import Git

ATTRIBUTES = ".gitattributes"
PLAIN_ATTRIBUTES = "* -text\n"
"""Keeps line ends on every system, so that SHA256SUMS holds for a checkout on Windows too."""
LFS_LINE = "*.pte filter=lfs diff=lfs merge=lfs -text"

# https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md: less than 1024 bytes.
MOST_BYTES = 1023
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\noid sha256:(?P<sha256>[0-9a-f]{64})\nsize [0-9]+\n"
)
_BATCH = 500


def pointer(sha256: str, size: int) -> bytes:
    """What git stores in place of a file."""
    return (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
    )


def pointed_at(content: bytes) -> str | None:
    """The SHA-256 of the file that a pointer stands for; None if `content` is not a pointer."""
    match = _POINTER.fullmatch(content)
    return match["sha256"].decode() if match else None


def is_large(path: str) -> bool:
    """Whether `LFS_LINE` applies to this file."""
    return path.endswith(".pte")


def check_installed(git: Git) -> None:
    """Raise PteError `no-git-lfs` if the command is missing."""
    if not git.succeeds("lfs", "version"):
        raise PteError(
            "no-git-lfs",
            "--tree-git-lfs needs the command `git lfs`. Install git-lfs, or publish without it",
        )


def upload(git: Git, files: Mapping[str, Path]) -> None:
    """Upload files (SHA-256 -> path) to the LFS server of the remote `origin`.

    Raises:
        PteError: `git` if the server refuses them.
        OSError: there is no room for them in the repository.
    """
    found = git.run("rev-parse", "--path-format=absolute", "--git-common-dir").strip()
    folder = Path(found, "lfs", "objects")
    for sha256, path in sorted(files.items()):
        place = folder / sha256[:2] / sha256[2:4] / sha256
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            partial = place.with_name(f"{sha256}.partial")
            partial.unlink(missing_ok=True)
            copy_file(path, partial, sha256)
            os.replace(partial, place)
    names = sorted(files)
    for start in range(0, len(names), _BATCH):
        git.run("lfs", "push", "--object-id", "origin", *names[start : start + _BATCH])

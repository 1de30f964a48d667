"""Read a tree in a folder."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from pte_foundry.errors import PteError
from pte_foundry.publishing.tree_content import FILE, TreeContent, check_content

BLOCK = 1 << 20
"""Bytes in memory when a file is read or copied."""


def read_folder(folder: Path, where: str, remedy: str) -> TreeContent:
    """The checked content of the tree in `folder`; no symlink in it is followed.

    Raises:
        PteError: `bad-tree`, see `check_content`; `cannot-read` if the system refuses.
    """
    try:
        return check_content(
            where,
            folder_kinds(folder),
            lambda path: (folder / path).read_bytes(),
            lambda path: file_sha256(folder / path),
            remedy,
        )
    except OSError as error:
        raise PteError(
            "cannot-read", f"{where}: {error.filename}: {error.strerror}. {remedy}"
        ) from error


def folder_kinds(folder: Path) -> dict[str, str]:
    """Relative path -> kind of everything below `folder` except folders."""
    kinds: dict[str, str] = {}
    pending = [""]
    while pending:
        parent = pending.pop()
        with os.scandir(folder / parent) as entries:
            for entry in entries:
                path = f"{parent}/{entry.name}" if parent else entry.name
                if entry.is_dir(follow_symlinks=False):
                    pending.append(path)
                else:
                    kinds[path] = _kind(entry)
    return kinds


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's content in lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return "symlink"
    mode = entry.stat(follow_symlinks=False).st_mode
    return FILE if stat.S_ISREG(mode) else "special file"

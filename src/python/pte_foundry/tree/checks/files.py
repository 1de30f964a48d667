"""The files that lie in a tree, and those that should not: links, special files, names that differ between systems."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pte_foundry.errors import PteError
from pte_foundry.records.json_files import read_json
from pte_foundry.records.paths import LONGEST_PATH, collisions, path_problem
from pte_foundry.tree.checks.defect import Defect

_CHUNK = 1 << 20
# A checkout has them at its root, and they are no part of the tree.
_OF_GIT = (".git", ".gitattributes")

LARGEST_DOCUMENT = 64 << 20
"""Bytes of the largest document that is read."""


@dataclass(frozen=True)
class TreeFile:
    """A regular file: its SHA-256 in lower-case hexadecimal, and its bytes."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Listing:
    """`files` is by path relative to the root, with `/`; only what can be read is in it."""

    files: dict[str, TreeFile]
    defects: tuple[Defect, ...]


def list_tree(root: Path) -> Listing:
    """Read every file below `root`. Nothing follows a symbolic link. Git's own files at the root are passed over.

    What cannot be read is a defect. A folder whose path is too long for a tree is one, and is not looked into: so
    neither a path that the system refuses nor a depth without end is met.
    """
    files: dict[str, TreeFile] = {}
    defects: list[Defect] = []
    paths: list[str] = []
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(root / folder) as entries:
                names = sorted(entry.name for entry in entries)
        except OSError as error:
            defects.append(_unreadable(folder or ".", error))
            continue
        if folder and not names:
            defects.append(
                Defect(folder, "empty", "is an empty folder: git keeps none, and nothing lists it")
            )
        for name in names:
            path = f"{folder}/{name}" if folder else name
            if path in _OF_GIT:
                continue
            paths.append(path)
            defects += name_defects(path)
            if len(path) > LONGEST_PATH:
                continue
            try:
                mode = (root / path).lstat().st_mode
                if stat.S_ISLNK(mode):
                    told = (
                        f"is a symbolic link to {os.readlink(root / path)!r}; a tree has files only"
                    )
                    defects.append(Defect(path, "link", told))
                elif stat.S_ISREG(mode):
                    files[path] = _read(root / path)
                elif stat.S_ISDIR(mode):
                    folders.append(path)
                else:
                    defects.append(Defect(path, "special", "is neither a file nor a folder"))
            except OSError as error:
                defects.append(_unreadable(path, error))
    return Listing(files, (*defects, *case_defects(paths)))


def name_defects(path: str) -> Iterator[Defect]:
    """What is wrong with a path as it is written, on disk or in a list."""
    problem = path_problem(path)
    if problem is not None:
        yield Defect(path, "name", problem)


def case_defects(paths: Iterable[str]) -> Iterator[Defect]:
    """Paths that are one where case is ignored, as on macOS and Windows."""
    for path, other in collisions(paths):
        yield Defect(path, "case", f"is the same as {other!r} where case is ignored")


def read_document(root: Path, files: Mapping[str, TreeFile], path: str) -> dict[str, object]:
    """A JSON document of the tree.

    Raises:
        PteError: `bad-request` as `read_json`, and for one of more than `LARGEST_DOCUMENT` bytes.
    """
    if files[path].size > LARGEST_DOCUMENT:
        raise PteError("bad-request", f"{path} has more than {LARGEST_DOCUMENT} bytes")
    return read_json(root / path)


def _unreadable(path: str, error: OSError) -> Defect:
    return Defect(path, "unreadable", f"cannot be read: {error.strerror}")


def _read(file: Path) -> TreeFile:
    digest, size = hashlib.sha256(), 0
    # A file may be replaced by a link, or by a pipe that waits for a writer, after it was listed.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(file, flags | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return TreeFile(digest.hexdigest(), size)

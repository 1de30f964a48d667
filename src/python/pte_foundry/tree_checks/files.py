"""The files that lie in a tree, and those that should not: links, special files, names that differ between systems."""

from __future__ import annotations

import hashlib
import os
import stat
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pte_foundry.errors import PteError
from pte_foundry.indexing.paths import check_path
from pte_foundry.tree_checks.defect import Defect

_CHUNK = 1 << 20
# A checkout has them at its root, and they are no part of the tree.
_OF_GIT = (".git", ".gitattributes")


@dataclass(frozen=True)
class TreeFile:
    """A regular file: its SHA-256 in lower-case hexadecimal, and its bytes."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Listing:
    """`files` is by path relative to the root, with `/`; only what has a sound name and can be read is in it."""

    files: dict[str, TreeFile]
    defects: tuple[Defect, ...]


def list_tree(root: Path) -> Listing:
    """Read every file below `root`. Nothing follows a symbolic link. Git's own files at the root are passed over."""
    files: dict[str, TreeFile] = {}
    defects: list[Defect] = []
    paths: list[str] = []
    for path, entry in _entries(root, ""):
        paths.append(path)
        defects += name_defects(path)
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            told = f"is a symbolic link to {os.readlink(entry.path)!r}; a tree has files only"
            defects.append(Defect(path, "link", told))
        elif stat.S_ISREG(mode):
            try:
                files[path] = _read(Path(entry.path))
            except OSError as error:
                defects.append(Defect(path, "unreadable", f"cannot be read: {error.strerror}"))
        elif not stat.S_ISDIR(mode):
            defects.append(Defect(path, "special", "is neither a file nor a folder"))
    return Listing(files, (*defects, *case_defects(paths)))


def name_defects(path: str) -> Iterator[Defect]:
    """What is wrong with a path as it is written, on disk or in a list."""
    if path.startswith("/") or (len(path) > 1 and path[1] == ":"):
        yield Defect(path, "name", "is an absolute path")
    elif "\\" in path:
        yield Defect(path, "name", "has a backslash, which some systems take for a folder")
    elif any(part in ("", ".", "..") for part in path.split("/")):
        yield Defect(path, "name", "has a part that is empty, `.` or `..`")
    elif unicodedata.normalize("NFC", path) != path:
        yield Defect(
            path, "name", "is not in Unicode's normal form NFC, so systems write it differently"
        )
    else:
        try:
            check_path(path, "tree")
        except PteError:
            told = "has other characters than letters, digits, `._+-`, or a part that begins with `.` or `-`"
            yield Defect(path, "name", told)


def case_defects(paths: Iterable[str]) -> Iterator[Defect]:
    """Paths that are one where case is ignored, as on macOS and Windows."""
    first: dict[str, str] = {}
    for path in sorted(paths):
        other = first.setdefault(unicodedata.normalize("NFC", path).casefold(), path)
        if other != path:
            yield Defect(path, "case", f"is the same as {other!r} where case is ignored")


def _entries(folder: Path, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            path = f"{prefix}{entry.name}"
            if path in _OF_GIT:
                continue
            yield path, entry
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(Path(entry.path), f"{path}/")


def _read(file: Path) -> TreeFile:
    digest, size = hashlib.sha256(), 0
    # O_NOFOLLOW: a file may be replaced by a link after it was listed.
    descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    with os.fdopen(descriptor, "rb") as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return TreeFile(digest.hexdigest(), size)

"""What can be wrong with the files of a tree: links, special files, names that some system cannot store, hashes that
differ from SHA256SUMS."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pte_foundry.client.content import Content
from pte_foundry.client.files import open_regular
from pte_foundry.client.index import LARGEST_DOCUMENT
from pte_foundry.errors import PteError
from pte_foundry.records.json_files import read_json
from pte_foundry.records.outside_text import plain
from pte_foundry.records.paths import LONGEST_PATH, collisions, path_problem
from pte_foundry.tree.sums import parse_sums
from pte_foundry.tree.tree_files import SUMS, is_covered

# They are at the root of a checkout, and not part of the tree.
_OF_GIT = (".git", ".gitattributes")


@dataclass(frozen=True, order=True)
class Defect:
    """Attributes:
    path: the file in the tree that is wrong, or that says what is wrong.
    kind: a short slug that scripts may match, e.g. `hash`.
    what: what is wrong with it, for people.
    """

    path: str
    kind: str
    what: str

    def __str__(self) -> str:
        # Names and documents may hold anything, but must not steer a terminal, or fill it.
        return f"{plain(self.path, 300)}: {self.kind}: {plain(self.what, 1_000)}"


@dataclass(frozen=True)
class Listing:
    """`files` has each readable file by its path relative to the root, with `/`."""

    files: dict[str, Content]
    defects: tuple[Defect, ...]


def list_tree(root: Path) -> Listing:
    """Read every file below `root`, without following symbolic links; git's own files at the root are left out.

    What cannot be read is a defect. So is a folder whose path is too long for a tree, which is not entered: that
    rules out paths that the system refuses, and endless depth.
    """
    files: dict[str, Content] = {}
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
            what = "is an empty folder: git does not keep it, and nothing lists it"
            defects.append(Defect(folder, "empty", what))
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
                    target = os.readlink(root / path)
                    what = f"is a symbolic link to {target!r}; a tree has files only"
                    defects.append(Defect(path, "link", what))
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
    """What is wrong with a path as such, on disk or in a list."""
    problem = path_problem(path)
    if problem is not None:
        yield Defect(path, "name", problem)


def case_defects(paths: Iterable[str]) -> Iterator[Defect]:
    """Paths that are the same where case is ignored, as on macOS and Windows."""
    for path, other in collisions(paths):
        yield Defect(path, "case", f"is the same as {other!r} where case is ignored")


def read_document(root: Path, files: Mapping[str, Content], path: str) -> dict[str, object]:
    """A JSON document of the tree.

    Raises:
        PteError: `bad-request` as from `read_json`, and for one of more than `LARGEST_DOCUMENT` bytes.
    """
    if files[path].size > LARGEST_DOCUMENT:
        raise PteError("bad-request", f"{path} has more than {LARGEST_DOCUMENT} bytes")
    return read_json(root / path)


def _unreadable(path: str, error: OSError) -> Defect:
    return Defect(path, "unreadable", f"cannot be read: {error.strerror}")


def _read(path: Path) -> Content:
    # A file may be replaced by a link, or by a pipe that waits for a writer, after it was listed.
    with open_regular(path) as file:
        digest = hashlib.file_digest(file, "sha256")
        return Content(digest.hexdigest(), file.tell())


def sums_defects(text: str, files: Mapping[str, Content]) -> Iterator[Defect]:
    """Malformed lines, paths that leave the tree, files that are missing, changed or not listed.

    Args:
        text: the content of SHA256SUMS.
        files: all files of the tree, by path.
    """
    listed, problems = parse_sums(text)
    for problem in problems:
        yield Defect(SUMS, "sums", problem)
    for path in listed.keys() - files.keys():
        yield from name_defects(path)
    yield from case_defects(listed)
    for path in filter(is_covered, listed):
        file = files.get(path)
        if file is None:
            yield Defect(path, "missing", f"is in {SUMS} but not in the tree")
        elif file.sha256 != listed[path]:
            yield Defect(path, "hash", f"has SHA-256 {file.sha256}; {SUMS} says {listed[path]}")
    for path in filter(is_covered, files.keys() - listed.keys()):
        yield Defect(path, "extra", f"is in the tree but not in {SUMS}")

"""Which paths an index or a tree may have, so that every system reads them alike (standard library only)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from pte_foundry.errors import PteError
from pte_foundry.records.outside_text import shown

# Plain enough to be a URL's path, a file name on every platform, and a line of SHA256SUMS without any
# escape. No part begins with a dot or a dash: `..` would leave the tree, `-x` reads as an option.
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*(/[A-Za-z0-9_][A-Za-z0-9._+-]*)*")

# Devices on Windows, in every folder and whatever follows the first dot.
# https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.ASCII | re.IGNORECASE)

LONGEST_PART = 128
"""Characters of a file's or folder's name: file systems that encrypt names take 143, and `.partial` is appended."""

LONGEST_PATH = 240
"""Characters of a path: Windows takes 260 with the folder that the tree is in."""


def check_path(path: str, where: str) -> str:
    """Return `path` if it is relative, normalised, plain ASCII, and a valid path on Windows too.

    Raises:
        PteError: `bad-path` otherwise, naming `where` it was found.
    """
    problem = path_problem(path)
    if problem is not None:
        raise PteError(
            "bad-path",
            f"{where}: {shown(path)} is not a plain relative path: it {problem}. Use letters, digits, `._+-` and "
            "`/`, begin no part with `.` or `-`, and rename what Windows cannot store",
        )
    return path


def path_problem(path: str) -> str | None:
    """What is wrong with a path, as words that follow "it"; None for a sound one."""
    parts = path.split("/")
    if path.startswith("/") or (len(path) > 1 and path[1] == ":"):
        return "is an absolute path"
    if "\\" in path:
        return "has a backslash, which some systems take for a folder"
    if any(part in ("", ".", "..") for part in parts):
        return "has a part that is empty, `.` or `..`"
    if unicodedata.normalize("NFC", path) != path:
        return "is not in Unicode's normal form NFC, so systems write it differently"
    if not _PATH.fullmatch(path):
        return "has characters other than letters, digits and `._+-`, or a part that begins with `.` or `-`"
    if any(part.endswith(".") for part in parts):
        return "has a part that ends with a dot, which Windows drops"
    for part in parts:
        if device := _DEVICE.fullmatch(part):
            return f"has the part {shown(part)}, which Windows takes for the device {device[1].upper()}"
    if max(map(len, parts)) > LONGEST_PART:
        return f"has a part of more than {LONGEST_PART} characters"
    if len(path) > LONGEST_PATH:
        return f"has more than {LONGEST_PATH} characters"
    return None


def collisions(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pairs of different paths that are one where case is ignored or Unicode is normalised, as on macOS and Windows.

    The folders of the paths count too: `a/x` and `A/y` would be in one folder.
    """
    named = set(paths)
    folders = {str(folder) for path in named for folder in PurePosixPath(path).parents}
    first: dict[str, str] = {}
    for path in sorted(named | folders - {"."}):
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
        other = first.setdefault(folded, path)
        if other != path:
            yield path, other

"""SHA256SUMS against the files of a tree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pte_foundry.tree.checks.defect import Defect
from pte_foundry.tree.checks.files import TreeFile, case_defects, name_defects
from pte_foundry.tree.tree_files import SUMS, is_covered

_LINE = re.compile(r"(?P<sha256>[0-9a-f]{64})  (?P<path>.+)")


def sums_defects(text: str, files: Mapping[str, TreeFile]) -> Iterator[Defect]:
    """Malformed lines, paths that leave the tree, files that are missing, changed or not listed.

    Args:
        text: the content of SHA256SUMS.
        files: all files of the tree, by path.
    """
    listed: dict[str, str] = {}
    lines = text.split("\n")
    if lines.pop() != "":
        yield Defect(SUMS, "sums", "does not end with a line break: it may have been cut off")
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line)
        if match is None:
            told = f"line {number} is not `<64 hexadecimal digits>  <path>`: {line[:100]!r}"
            yield Defect(SUMS, "sums", told)
        elif match["path"] in listed:
            yield Defect(SUMS, "sums", f"line {number} lists {match['path']!r} a second time")
        else:
            listed[match["path"]] = match["sha256"]
    if list(listed) != sorted(listed):
        yield Defect(SUMS, "sums", "its lines are not sorted by path")
    for path in listed:
        if path not in files:
            yield from name_defects(path)
    yield from case_defects(listed)
    for path, sha256 in listed.items():
        file = files.get(path)
        if not is_covered(path):
            yield Defect(SUMS, "sums", f"lists {path}, which it does not cover")
        elif file is None:
            yield Defect(path, "missing", f"is in {SUMS} and not in the tree")
        elif file.sha256 != sha256:
            yield Defect(path, "hash", f"has SHA-256 {file.sha256}; {SUMS} says {sha256}")
    for path in filter(is_covered, files.keys() - listed.keys()):
        yield Defect(path, "extra", f"is in the tree and not in {SUMS}")

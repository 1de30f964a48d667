"""SHA256SUMS: the hash of every file of a tree that it covers, in the format of `sha256sum -c`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pte_foundry.records.paths import check_path
from pte_foundry.tree.tree_files import SUMS, is_covered

_LINE = re.compile(r"(?P<sha256>[0-9a-f]{64})  (?P<path>.+)")


def sha256sums(files: Mapping[str, str]) -> str:
    """One line `<hash>  <path>` for each file, sorted by path.

    Args:
        files: path relative to the tree's root -> SHA-256 in lower-case hexadecimal.

    Raises:
        PteError: `bad-path` for a path that could need an escape or leave the tree.
    """
    return "".join(f"{files[path]}  {check_path(path, SUMS)}\n" for path in sorted(files))


def parse_sums(text: str) -> tuple[dict[str, str], list[str]]:
    """Path -> SHA-256 of every line, and what is wrong with the lines. The paths may be any text."""
    listed: dict[str, str] = {}
    problems = []
    lines = text.split("\n")
    if lines.pop() != "":
        problems.append("does not end with a line break: it may have been cut off")
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line)
        if match is None:
            problems.append(
                f"line {number} is not `<64 hexadecimal digits>  <path>`: {line[:100]!r}"
            )
        elif match["path"] in listed:
            problems.append(f"line {number} lists {match['path']!r} a second time")
        else:
            listed[match["path"]] = match["sha256"]
    if list(listed) != sorted(listed):
        problems.append("its lines are not sorted by path")
    problems += [
        f"lists {path}, which it does not cover" for path in listed if not is_covered(path)
    ]
    return listed, problems

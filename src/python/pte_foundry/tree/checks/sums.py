"""SHA256SUMS against the files of a tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pte_foundry.tree.checks.files import Defect, TreeFile, case_defects, name_defects
from pte_foundry.tree.sums import parse_sums
from pte_foundry.tree.tree_files import SUMS, is_covered


def sums_defects(text: str, files: Mapping[str, TreeFile]) -> Iterator[Defect]:
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
            yield Defect(path, "missing", f"is in {SUMS} and not in the tree")
        elif file.sha256 != listed[path]:
            yield Defect(path, "hash", f"has SHA-256 {file.sha256}; {SUMS} says {listed[path]}")
    for path in filter(is_covered, files.keys() - listed.keys()):
        yield Defect(path, "extra", f"is in the tree and not in {SUMS}")

"""SHA256SUMS that do not match a tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from pte_foundry.testing.sample_tree import found
from pte_foundry.tree.checks.verify import verify_tree
from pte_foundry.tree.tree_files import SUMS


def test_folders_that_differ_only_by_case_in_the_sums(tree: Path) -> None:
    with (tree / SUMS).open("a") as sums:
        sums.write(f"{'0' * 64}  licenses/x\n")
    assert ("licenses", "case") in found(tree)


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "a\\b", "a//b", "C:/x", "e\u0301"])
def test_a_path_in_the_sums_that_leaves_the_tree(tree: Path, path: str) -> None:
    with (tree / SUMS).open("a") as sums:
        sums.write(f"{'0' * 64}  {path}\n")
    assert {(path, "name"), (path, "missing")} <= found(tree)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("not a line\n", "is not `<64 hexadecimal digits>  <path>`"),
        (f"{'0' * 64} *binary\n", "is not `<64"),
        (f"{'A' * 64}  upper\n", "is not `<64"),
        (f"{'0' * 64}  zzz", "does not end with a line break"),
        (f"{'0' * 64}  zzz\n{'1' * 64}  zzz\n", "lists 'zzz' a second time"),
        (f"{'0' * 64}  AAA\n", "not sorted by path"),
        (f"{'0' * 64}  {SUMS}\n", f"lists {SUMS}, which it does not cover"),
    ],
)
def test_malformed_sums(tree: Path, line: str, told: str) -> None:
    with (tree / SUMS).open("a") as sums:
        sums.write(line)
    assert any(told in defect.what for defect in verify_tree(tree) if defect.path == SUMS)


def test_case_collisions_in_the_sums(tree: Path) -> None:
    with (tree / SUMS).open("a") as sums:
        sums.write(f"{'0' * 64}  versions.JSON\n")
    assert ("versions.json", "case") in found(tree)

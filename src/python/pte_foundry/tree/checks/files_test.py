"""Files that do not belong in a tree, or cannot be read."""

from __future__ import annotations

import ctypes
import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.testing.sample_tree import XNNPACK, found, seal
from pte_foundry.tree.checks.verify import verify_tree
from pte_foundry.tree.tree_files import BILL_OF_MATERIALS, PROVENANCE, SUMS


def test_a_checkout_has_files_of_git(tree: Path) -> None:
    (tree / ".git").write_text("gitdir: ../.git/modules/tree")
    (tree / ".gitattributes").write_text("*.pte filter=lfs")
    assert verify_tree(tree) == ()
    (tree / "1.4.1/.git").write_text("hidden")
    assert ("1.4.1/.git", "extra") in found(tree)


@pytest.mark.parametrize("target", ["/etc/passwd", "mobilenet_v3_small_portable.pte", "nowhere"])
def test_a_file_that_is_replaced_by_a_link(tree: Path, target: str) -> None:
    (tree / XNNPACK).unlink()
    (tree / XNNPACK).symlink_to(target)
    assert found(tree) == {(XNNPACK, "link"), (XNNPACK, "missing"), (XNNPACK, "subject")}


def test_a_folder_that_is_replaced_by_a_link(tree: Path, tmp_path: Path) -> None:
    """Its target is not read, although it has all the right files."""
    (tree / "1.4.1").rename(tmp_path / "elsewhere")
    (tree / "1.4.1").symlink_to(tmp_path / "elsewhere")
    assert {("1.4.1", "link"), (XNNPACK, "missing")} <= found(tree)


def test_a_special_file(tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    assert ("pipe", "special") in found(tree)


WINDOWS = ["CON", "nul.txt", "LICENSES/aux.txt", "LICENSES/COM1", "a.", "a./b", "a ", "x" * 255]


@pytest.mark.parametrize("name", WINDOWS)
def test_a_name_that_windows_cannot_store(tree: Path, name: str) -> None:
    """Even if the sums were rewritten."""
    (tree / name).parent.mkdir(exist_ok=True)
    (tree / name).write_text("x")
    seal(tree)
    assert (name, "name") in found(tree)


@pytest.mark.parametrize(
    "name", ["a\\b.txt", "e\u0301.txt", "\u00e9.txt", "a b.txt", ".hidden", "-rf", "a\nb"]
)
def test_a_name_that_some_system_reads_differently(tree: Path, name: str) -> None:
    (tree / name).write_text("x")
    assert (name, "name") in found(tree)


def test_an_empty_folder(tree: Path) -> None:
    (tree / "empty").mkdir()
    assert found(tree) == {("empty", "empty")}


def test_names_that_are_the_same_where_case_is_ignored(tree: Path) -> None:
    (tree / "readme.md").write_text("x")
    assert ("readme.md", "case") in found(tree)


def test_folders_that_are_the_same_where_case_is_ignored(tree: Path) -> None:
    (tree / "licenses").mkdir()
    (tree / "licenses/x").write_text("x")
    seal(tree)
    assert ("licenses", "case") in found(tree)


def nested(root: Path, name: str, levels: int) -> None:
    """Folders deeper than a path can name."""
    folder = os.open(root, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=folder)
        below = os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)


@pytest.mark.parametrize(("name", "levels"), [("d" * 120, 40), ("d", 1_200)])
def test_folders_without_end(tree: Path, name: str, levels: int) -> None:
    nested(tree, name, levels)
    try:
        kinds = {kind for path, kind in found(tree) if path.startswith("d")}
    finally:
        subprocess.run(["rm", "-r", tree / name], check=True)  # Deeper than Python can remove.
    assert kinds == {"name"}


@contextmanager
def as_ordinary_user() -> Iterator[None]:
    """Root reads everything thanks to two capabilities; without them the modes of its files apply."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = struct.pack("Ii", 0x20080522, 0)  # linux/capability.h, version 3, this thread
    before = ctypes.create_string_buffer(24)
    assert libc.capget(header, before) == 0
    effective, *others = struct.unpack("6I", before.raw)
    # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
    assert libc.capset(header, struct.pack("6I", effective & ~0b110, *others)) == 0
    try:
        yield
    finally:
        assert libc.capset(header, before.raw) == 0


@pytest.mark.parametrize("path", [".", "LICENSES", "1.4.1/mobilenet"])
@pytest.mark.parametrize("mode", [0o000, 0o444, 0o111])
def test_a_folder_that_cannot_be_read(tree: Path, path: str, mode: int) -> None:
    (tree / path).chmod(mode)
    try:
        with as_ordinary_user():
            defects = found(tree)
    finally:
        (tree / path).chmod(0o755)
    assert "unreadable" in {kind for _, kind in defects}


@pytest.mark.parametrize(
    "path", [XNNPACK, SUMS, "versions.json", "1.4.1/index.json", PROVENANCE, BILL_OF_MATERIALS]
)
def test_a_file_that_cannot_be_read(tree: Path, path: str) -> None:
    (tree / path).chmod(0)
    with as_ordinary_user():
        assert (path, "unreadable") in found(tree)


def test_a_tree_in_a_folder_that_cannot_be_read(tree: Path) -> None:
    tree.parent.chmod(0)
    try:
        with as_ordinary_user(), pytest.raises(PteError, match="not a readable folder"):
            verify_tree(tree)
    finally:
        tree.parent.chmod(0o755)

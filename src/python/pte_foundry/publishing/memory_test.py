"""Publishing streams: memory does not grow with the size of a file."""

from __future__ import annotations

import os
from pathlib import Path

from pte_foundry.testing.large_trees import peak_of_publishing, write_large_tree
from pte_foundry.testing.sample_repositories import git

MEGABYTE = 1_000_000
LARGE = 160 * MEGABYTE
MOST = 130 * MEGABYTE


def test_a_large_file_is_streamed_into_a_folder(tmp_path: Path) -> None:
    write_large_tree(tmp_path / "tree", [LARGE])
    assert peak_of_publishing(tmp_path, "file:releases") < MOST
    program = tmp_path / "releases/current/1.4.1/toy/p0_xnnpack.pte"
    assert program.stat().st_size == LARGE
    # The next run also hashes the published file.
    os.rename(tmp_path / "tree", tmp_path / "old")
    write_large_tree(tmp_path / "tree", [LARGE, 1000])
    assert peak_of_publishing(tmp_path, "file:releases") < MOST
    assert program.stat().st_nlink == 2


def test_a_large_file_is_streamed_into_a_repository(tmp_path: Path, remote: Path) -> None:
    # The memory of the other side is counted, too.
    git(remote, "config", "core.bigFileThreshold", "16m")
    write_large_tree(tmp_path / "tree", [LARGE])
    assert peak_of_publishing(tmp_path, "git+file:remote.git#branch=main") < MOST
    os.rename(tmp_path / "tree", tmp_path / "old")
    write_large_tree(tmp_path / "tree", [LARGE, 1000])
    assert peak_of_publishing(tmp_path, "git+file:remote.git#branch=main") < MOST
    assert git(remote, "cat-file", "-s", "main:1.4.1/toy/p0_xnnpack.pte") == str(LARGE)

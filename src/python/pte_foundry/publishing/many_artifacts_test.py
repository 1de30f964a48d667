"""2,000 artifacts of 2 GB are published in less than 500 MB of memory."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pte_foundry.testing.large_trees import peak_of_publishing, write_large_tree
from pte_foundry.testing.sample_repositories import git

MEGABYTE = 1_000_000
SIZES = [250 * MEGABYTE] * 4 + [MEGABYTE // 2] * 1996
MOST = 500 * MEGABYTE


@pytest.mark.parametrize("repository", ["file:releases", "git+file:remote.git#branch=main"])
def test_memory(tmp_path: Path, remote: Path, repository: str) -> None:
    assert sum(SIZES) == 1998 * MEGABYTE
    git(remote, "config", "core.bigFileThreshold", "16m")
    write_large_tree(tmp_path / "tree", SIZES)
    first = peak_of_publishing(tmp_path, repository)
    # Once more, with everything there to compare with.
    shutil.rmtree(tmp_path / "tree")
    write_large_tree(tmp_path / "tree", [*SIZES, 1000])
    second = peak_of_publishing(tmp_path, repository)
    shutil.rmtree(tmp_path / "tree")
    shutil.rmtree(tmp_path / "releases", ignore_errors=True)
    print(f"peak of publishing to {repository}: {first} bytes, then {second}")
    assert max(first, second) < MOST

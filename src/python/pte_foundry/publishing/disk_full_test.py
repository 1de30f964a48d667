"""A disk that is full in the middle: an error, and what was published before is untouched."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.publishing import directory_target
from pte_foundry.testing.sample_repositories import git, refs
from pte_foundry.testing.sample_trees import files_below, publish_tree, write_tree

GIT = "git+file:remote.git#branch=main"
LARGE = b"x" * 300_000
LIMIT = 200_000


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Limit the size of files for this process and its children."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def run(folder: Path, repository: str) -> None:
    publish_tree(folder, repository, changed=True)


@pytest.mark.parametrize("name", ["copy_file", "link_or_copy", "write_bytes"])
def test_no_room_for_a_file_of_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    write_tree(tmp_path / "tree")
    run(tmp_path, "file:releases")
    before = files_below(tmp_path / "releases")
    write_tree(tmp_path / "tree", {"alpha_portable": b"new", "alpha_xnnpack": b"fast"})

    def no_room(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "x.pte")

    with monkeypatch.context() as patched:
        patched.setattr(directory_target, name, no_room)
        with pytest.raises(PteError, match="No space left on device: x.pte") as caught:
            run(tmp_path, "file:releases")
    assert caught.value.kind == "disk-full"
    assert "file:releases: v1.4.1-" in str(caught.value)
    assert files_below(tmp_path / "releases") == before
    run(tmp_path, "file:releases")


def test_a_file_that_is_cut_off_in_a_folder(tmp_path: Path) -> None:
    write_tree(tmp_path / "tree")
    run(tmp_path, "file:releases")
    before = files_below(tmp_path / "releases")
    tree = write_tree(tmp_path / "tree", {"alpha_portable": LARGE, "alpha_xnnpack": b"fast"})
    with files_of_at_most(LIMIT), pytest.raises(PteError) as caught:
        run(tmp_path, "file:releases")
    assert caught.value.kind == "disk-full"
    assert files_below(tmp_path / "releases") == before
    run(tmp_path, "file:releases")
    assert files_below(tmp_path / "releases/current") == files_below(tree)


def test_a_file_that_is_cut_off_in_a_repository(tmp_path: Path, remote: Path) -> None:
    # Cannot be compressed below the limit.
    write_tree(tmp_path / "tree", {"alpha_portable": os.urandom(2 * LIMIT)})
    before = refs(remote)
    with files_of_at_most(LIMIT), pytest.raises(PteError) as caught:
        run(tmp_path, GIT)
    assert caught.value.kind == "git"
    assert "hash-object" in str(caught.value)
    assert refs(remote) == before
    run(tmp_path, GIT)
    assert git(remote, "tag").startswith("v1.4.1-")

"""A publisher that is killed leaves the old or the new release, and the next run completes its work."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from pte_foundry.publishing.release import is_release_name
from pte_foundry.testing.publisher_runs import (
    NEVER,
    NEW,
    OLD,
    kill_at_every_step,
    publish_here,
    run_until,
)
from pte_foundry.testing.sample_repositories import PLAIN, committed, git, refs, set_hook
from pte_foundry.testing.sample_trees import files_below, read_tree, write_tree


def test_a_folder(tmp_path: Path) -> None:
    old = files_below(write_tree(tmp_path / "tree", OLD))
    publish_here(tmp_path, "file:releases")
    new = files_below(write_tree(tmp_path / "tree", NEW))
    releases = tmp_path / "releases"
    kept = tmp_path / "kept"
    shutil.copytree(releases, kept, symlinks=True)
    seen: list[str] = []
    for killed in kill_at_every_step(tmp_path, "file:releases"):
        seen.append(killed)
        expected = new if killed == "end" else old
        assert files_below(releases / "current") == expected, killed
        for name in filter(is_release_name, os.listdir(releases)):
            read_tree(releases / name)  # Whole, or it would be refused.
        # The next run, which nobody kills, completes it and clears up.
        publish_here(tmp_path, "file:releases")
        assert files_below(releases / "current") == new, killed
        assert sorted(os.listdir(releases))[:2] == [".publish.lock", "current"], killed
        assert len(os.listdir(releases)) == 4, killed
        shutil.rmtree(releases)
        shutil.copytree(kept, releases, symlinks=True)
    assert {"clean up", "write index.json", "name the release", "move the pointer", "end"} <= set(
        seen
    )
    assert len(seen) == len(new) + 5


@pytest.mark.parametrize("through", ["remote.git", "checkout"])
def test_a_git_repository(tmp_path: Path, remote: Path, through: str) -> None:
    repository = f"git+file:{through}#branch=main"
    old = {**files_below(write_tree(tmp_path / "tree", OLD)), **PLAIN}
    publish_here(tmp_path, "git+file:remote.git#branch=main")
    git(tmp_path, "clone", "--quiet", str(remote), "checkout")
    new = {**files_below(write_tree(tmp_path / "tree", NEW)), **PLAIN}
    before = refs(remote)
    for name in ("remote.git", "checkout"):
        shutil.copytree(tmp_path / name, tmp_path / "kept" / name, symlinks=True)
    seen: list[str] = []
    for killed in kill_at_every_step(tmp_path, repository):
        seen.append(killed)
        pushed = killed in ("end", "update the checkout")
        assert committed(remote) == (new if pushed else old), killed
        # Branch and tag have moved together, or not at all.
        assert pushed == (git(remote, "tag", "--points-at", "main") not in before), killed
        assert pushed != (refs(remote) == before), killed
        publish_here(tmp_path, repository)
        assert committed(remote) == new, killed
        assert git(remote, "rev-list", "--count", "main") == "3", killed
        if through == "checkout":
            assert files_below(tmp_path / "checkout") == new, killed
            assert git(tmp_path / "checkout", "status", "--porcelain") == "", killed
        for name in ("remote.git", "checkout"):
            shutil.rmtree(tmp_path / name)
            shutil.copytree(tmp_path / "kept" / name, tmp_path / name, symlinks=True)
    expected = ["write objects", "write the tree", "commit", "tag", "push"]
    expected += ["update the checkout"] if through == "checkout" else []
    assert seen == [*expected, "end"]


@pytest.mark.parametrize(
    ("hook", "exit_code"), [("pre-receive", 1), ("post-receive", 0)], ids=["before", "after"]
)
def test_killed_while_the_remote_takes_the_push(
    tmp_path: Path, remote: Path, hook: str, exit_code: int
) -> None:
    write_tree(tmp_path / "tree", OLD)
    place = set_hook(remote, hook, f'kill -9 "$PUBLISHER"\nexit {exit_code}')
    repository = "git+file:remote.git#branch=main"
    assert run_until(tmp_path, repository, NEVER).returncode == -signal.SIGKILL
    place.unlink()
    publish_here(tmp_path, repository)
    assert git(remote, "rev-list", "--count", "main") == "2"
    assert git(remote, "tag", "--points-at", "main").startswith("v1.4.1-")

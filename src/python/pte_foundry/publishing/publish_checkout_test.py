"""Publishing through a checkout, such as a submodule of an app."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.testing.sample_repositories import PLAIN, commit_files, git, refs, set_hook
from pte_foundry.testing.sample_trees import files_below, publish_tree, write_tree

REPOSITORY = "git+file:app/models#branch=main"


@pytest.fixture()
def checkout(tmp_path: Path, remote: Path) -> Path:
    """A submodule, with a detached HEAD as `git submodule update` leaves it."""
    app = tmp_path / "app"
    git(tmp_path, "init", "--quiet", str(app))
    allow = ("-c", "protocol.file.allow=always")
    git(app, *allow, "submodule", "--quiet", "add", str(remote), "models")
    git(app / "models", "checkout", "--quiet", "--detach")
    return app / "models"


def run(folder: Path, **changes: object) -> str:
    return publish_tree(folder, REPOSITORY, **changes)


def refused(folder: Path, remote: Path) -> str:
    checkout = folder / "app/models"
    before = refs(remote), files_below(checkout), git(checkout, "rev-parse", "HEAD")
    with pytest.raises(PteError) as caught:
        run(folder)
    assert before == (refs(remote), files_below(checkout), git(checkout, "rev-parse", "HEAD"))
    return str(caught.value)


def test_the_remote_and_the_checkout_get_the_release(
    tmp_path: Path, remote: Path, checkout: Path
) -> None:
    tree = write_tree(tmp_path / "tree")
    run(tmp_path)
    assert files_below(checkout) == {**files_below(tree), **PLAIN}
    assert git(checkout, "status", "--porcelain") == ""
    assert git(checkout, "rev-parse", "HEAD") == git(remote, "rev-parse", "main")
    assert git(checkout, "describe", "--exact-match") == git(remote, "tag")
    assert "nothing to do" in run(tmp_path)


def test_a_checkout_on_the_branch_stays_on_it(tmp_path: Path, remote: Path, checkout: Path) -> None:
    git(checkout, "checkout", "--quiet", "main")
    write_tree(tmp_path / "tree")
    run(tmp_path)
    assert git(checkout, "symbolic-ref", "--short", "HEAD") == "main"
    assert git(checkout, "rev-parse", "main") == git(remote, "rev-parse", "main")


def test_a_checkout_behind_its_remote_is_brought_forward(
    tmp_path: Path, remote: Path, checkout: Path
) -> None:
    write_tree(tmp_path / "tree")
    old = git(checkout, "rev-parse", "HEAD")
    run(tmp_path)
    git(checkout, "checkout", "--quiet", "--detach", old)
    assert "nothing to do" in run(tmp_path)
    assert git(checkout, "rev-parse", "HEAD") == git(remote, "rev-parse", "main")


def test_a_copied_checkout(tmp_path: Path, remote: Path, checkout: Path) -> None:
    """The times and inodes in the index differ from those of the files."""
    write_tree(tmp_path / "tree")
    run(tmp_path)
    for path in checkout.rglob("*.*"):
        os.utime(path, (1, 1))
    tree = write_tree(tmp_path / "tree", {"alpha_xnnpack": b"faster", "beta_xnnpack": b"b"})
    run(tmp_path, changed=True, removed=True)
    assert files_below(checkout) == {**files_below(tree), **PLAIN}
    assert git(checkout, "status", "--porcelain") == ""


def test_uncommitted_files(tmp_path: Path, remote: Path, checkout: Path) -> None:
    (checkout / "notes.txt").write_text("mine")
    write_tree(tmp_path / "tree")
    assert "has uncommitted files: ?? notes.txt" in refused(tmp_path, remote)
    assert (checkout / "notes.txt").read_text() == "mine"


def test_commits_that_the_remote_does_not_have(
    tmp_path: Path, remote: Path, checkout: Path
) -> None:
    git(checkout, "commit", "--quiet", "--allow-empty", "-m", "Mine")
    write_tree(tmp_path / "tree")
    assert "has diverged from its remote" in refused(tmp_path, remote)
    commit_files(remote, tmp_path / "work", {".github/x": "x"})
    assert "has diverged from its remote" in refused(tmp_path, remote)


def test_another_branch(tmp_path: Path, remote: Path, checkout: Path) -> None:
    git(checkout, "checkout", "--quiet", "-b", "experiment")
    write_tree(tmp_path / "tree")
    assert "is on the branch experiment. Check out main" in refused(tmp_path, remote)


def test_a_working_tree_without_a_remote(tmp_path: Path, remote: Path, checkout: Path) -> None:
    git(checkout, "remote", "remove", "origin")
    write_tree(tmp_path / "tree")
    assert "has no remote `origin`" in refused(tmp_path, remote)


def test_a_rejected_push_leaves_no_tag_in_the_checkout(
    tmp_path: Path, remote: Path, checkout: Path
) -> None:
    set_hook(remote, "pre-receive", "exit 1")
    write_tree(tmp_path / "tree")
    assert refused(tmp_path, remote).startswith("rejected: ")
    assert git(checkout, "tag") == ""


def test_tags_of_the_user_are_not_pushed(tmp_path: Path, remote: Path, checkout: Path) -> None:
    git(checkout, "config", "push.followTags", "true")
    git(checkout, "tag", "--annotate", "-m", "Mine", "mine")
    write_tree(tmp_path / "tree")
    run(tmp_path)
    assert git(remote, "tag").startswith("v1.4.1-")
    assert "mine" in git(checkout, "tag").splitlines()

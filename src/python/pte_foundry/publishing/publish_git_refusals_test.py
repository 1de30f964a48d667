"""What is refused, and what fails, when a tree is published to a git repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.publishing.publish import publish
from pte_foundry.testing.sample_repositories import commit_files, committed, git, refs, set_hook
from pte_foundry.testing.sample_trees import (
    publish_tree,
    read_tree,
    release_of,
    request_for,
    write_tree,
)

GIT = "git+file:remote.git#branch=main"


def refused(folder: Path, repository: str = GIT) -> str:
    """The message of a refusal, after which the remote is as before."""
    remote = folder / "remote.git"
    before = refs(remote)
    with pytest.raises(PteError) as caught:
        publish_tree(folder, repository)
    assert refs(remote) == before
    return str(caught.value)


@pytest.mark.parametrize(
    ("files", "repository", "expected"),
    [
        ({"notes.txt": "mine"}, "", "there is no SHA256SUMS, so it is not a published tree"),
        ({"assets": "-> /etc"}, "&folder=assets/models", "assets is a symlink"),
    ],
    ids=["foreign-files", "folder-through-a-symlink"],
)
def test_a_branch_without_a_tree(
    tmp_path: Path, remote: Path, files: dict[str, str], repository: str, expected: str
) -> None:
    commit_files(remote, tmp_path / "work", files)
    write_tree(tmp_path / "tree")
    assert expected in refused(tmp_path, f"{GIT}{repository}")


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("1.4.1/toy/alpha_xnnpack.pte", "-> ../../README.md", "alpha_xnnpack.pte is a symlink"),
        ("1.4.1/toy/alpha_xnnpack.pte", "other", "but SHA256SUMS says"),
        ("1.4.1/toy/more.pte", "more", "1.4.1/toy/more.pte is not in SHA256SUMS"),
    ],
    ids=["symlink", "changed", "added"],
)
def test_a_branch_that_was_changed(
    tmp_path: Path, remote: Path, path: str, text: str, expected: str
) -> None:
    write_tree(tmp_path / "tree")
    publish_tree(tmp_path, GIT)
    commit_files(remote, tmp_path / "work", {path: text})
    assert expected in refused(tmp_path)


def test_a_tag_with_other_content(tmp_path: Path, remote: Path) -> None:
    first = git(remote, "rev-parse", "main")
    theirs = read_tree(write_tree(tmp_path / "tree", {"beta_portable": b"b"})).identity
    publish_tree(tmp_path, GIT)
    ours = read_tree(write_tree(tmp_path / "tree")).identity
    name = release_of(tmp_path / "tree")
    git(remote, "tag", name, "main")
    git(remote, "update-ref", "refs/heads/main", first)
    told = refused(tmp_path)
    assert f"the tag {name} exists with other content" in told
    assert theirs in told
    assert ours in told


@pytest.mark.parametrize(
    ("files", "expected"),
    [({"SHA256SUMS": "x\n"}, "SHA256SUMS line 1 is not"), ({".github/x": "x"}, "without a tree")],
)
def test_a_tag_without_a_tree(
    tmp_path: Path, remote: Path, files: dict[str, str], expected: str
) -> None:
    name = release_of(write_tree(tmp_path / "tree"))
    commit = commit_files(remote, tmp_path / "work", files)
    git(remote, "tag", name, commit)
    git(remote, "update-ref", "refs/heads/main", f"{commit}^")
    told = refused(tmp_path)
    assert f"the tag {name}" in told
    assert expected in told


def test_a_tag_with_wrong_sums(tmp_path: Path, remote: Path) -> None:
    name = release_of(write_tree(tmp_path / "tree"))
    publish_tree(tmp_path, GIT)
    first = git(remote, "rev-parse", "main^")
    commit = commit_files(remote, tmp_path / "work", {"1.4.1/toy/alpha_xnnpack.pte": "other"})
    git(remote, "tag", "--force", name, commit)
    git(remote, "update-ref", "refs/heads/main", first)
    assert f"the tag {name}: 1.4.1/toy/alpha_xnnpack.pte has SHA-256" in refused(tmp_path)


def test_a_missing_branch(tmp_path: Path, remote: Path) -> None:
    write_tree(tmp_path / "tree")
    told = refused(tmp_path, "git+file:remote.git#branch=mian")
    assert "there is no branch mian" in told


def test_an_unknown_committer(tmp_path: Path, remote: Path, git_config: Path) -> None:
    git_config.write_text("[user]\nuseConfigOnly = true\n")
    write_tree(tmp_path / "tree")
    before = refs(remote)
    with pytest.raises(PteError, match="user.email"):
        publish_tree(tmp_path, "file:releases", GIT)
    assert refs(remote) == before
    assert not (tmp_path / "releases/current").exists()


def test_a_missing_remote(tmp_path: Path) -> None:
    write_tree(tmp_path / "tree")
    with pytest.raises(PteError, match="ls-remote") as caught:
        publish_tree(tmp_path, "git+file:nonesuch.git#branch=main")
    assert "nonesuch.git" in str(caught.value)


def test_a_hook_of_the_remote_rejects_the_push(tmp_path: Path, remote: Path) -> None:
    hook = set_hook(remote, "pre-receive", "echo 'Not on a Friday.' >&2\nexit 1")
    write_tree(tmp_path / "tree")
    told = refused(tmp_path)
    assert told.startswith("rejected: git+file:remote.git#branch=main rejected v1.4.1-")
    assert "Not on a Friday." in told
    hook.unlink()
    publish_tree(tmp_path, GIT)
    assert git(remote, "rev-list", "--count", "main") == "2"


def test_a_remote_that_takes_the_branch_but_not_the_tag_gets_neither(
    tmp_path: Path, remote: Path
) -> None:
    set_hook(remote, "update", 'case "$1" in refs/tags/*) exit 1;; esac')
    write_tree(tmp_path / "tree")
    assert refused(tmp_path).startswith("rejected: ")


def test_someone_else_publishes_at_the_same_time(tmp_path: Path, remote: Path) -> None:
    write_tree(tmp_path / "tree")

    def interrupt(step: str) -> None:
        if step == "push":
            commit_files(remote, tmp_path / "work", {".github/x": "x"})

    with pytest.raises(PteError, match="fetch first") as caught:
        publish(request_for(tmp_path, GIT), lambda line: None, interrupt)
    assert caught.value.kind == "rejected"
    assert git(remote, "tag") == ""
    assert sorted(committed(remote)) == [".github/x"]
    publish_tree(tmp_path, GIT)
    assert ".github/x" in committed(remote)


def test_a_file_that_is_replaced_while_it_is_published(tmp_path: Path, remote: Path) -> None:
    """By a symlink to a secret, which git would follow."""
    tree = write_tree(tmp_path / "tree")
    (tmp_path / "secret").write_text("secret")
    before = refs(remote)

    def interrupt(step: str) -> None:
        if step == "write objects":
            (tree / "1.4.1/toy/labels.txt").unlink()
            (tree / "1.4.1/toy/labels.txt").symlink_to(tmp_path / "secret")

    with pytest.raises(PteError, match="labels.txt has changed since it was checked"):
        publish(request_for(tmp_path, GIT), print, interrupt)
    assert refs(remote) == before

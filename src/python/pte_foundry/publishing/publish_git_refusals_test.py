"""What is refused, and what fails, when a tree is published to a git repository."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.publishing.publish import publish
from pte_foundry.publishing.release import release_name
from pte_foundry.testing.sample_repositories import (
    bare_repository,
    commit_files,
    committed,
    git,
    only_this_git,
    refs,
)
from pte_foundry.testing.sample_trees import (
    files_below,
    read_tree,
    request_for,
    write_tree,
)

PLAIN = {".gitattributes": b"* -text\n"}


@pytest.fixture(autouse=True)
def _git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    only_this_git(monkeypatch, tmp_path / "home")


def run(
    folder: Path, repository: str = "git+file:remote.git#branch=main", **changes: object
) -> str:
    told: list[str] = []
    publish(request_for(folder, repository, **changes), told.append)
    return "\n".join(told)


def refused(
    folder: Path, repository: str = "git+file:remote.git#branch=main", **changes: object
) -> str:
    """The message of a refusal, after which the remote is as before."""
    remote = folder / "remote.git"
    before = refs(remote)
    with pytest.raises(PteError) as caught:
        run(folder, repository, **changes)
    assert refs(remote) == before
    return str(caught.value)


def release_of(tree: Path) -> str:
    return release_name("1.4.1", read_tree(tree).sums)


@pytest.fixture()
def remote(tmp_path: Path) -> Path:
    return bare_repository(tmp_path / "remote.git")


def test_changed_and_removed_artifacts_need_permission(tmp_path: Path, remote: Path) -> None:
    first = release_of(write_tree(tmp_path / "tree"))
    run(tmp_path)
    tree = write_tree(tmp_path / "tree", {"alpha_xnnpack": b"faster", "beta_portable": b"b"})
    old, new = (hashlib.sha256(text).hexdigest() for text in (b"fast", b"faster"))
    told = refused(tmp_path)
    assert f"models/toy:alpha_xnnpack for 1.4.1 (published {old}, now {new})" in told
    assert "--tree-allow-changed" in told
    assert "models/toy:alpha_portable for 1.4.1" in told
    assert "--tree-allow-removed" in told
    assert "--tree-allow-changed" not in refused(tmp_path, changed=True)
    assert "--tree-allow-removed" not in refused(tmp_path, removed=True)
    run(tmp_path, changed=True, removed=True)
    assert committed(remote) == {**files_below(tree), **PLAIN}
    message = git(remote, "log", "--format=%B", "-1", "main")
    assert "1 added, 1 changed, 1 removed" in message
    assert (
        "CHANGED under the same address and ExecuTorch version:\n  models/toy:alpha_xnnpack\n"
        f"    old {old}  1.4.1/toy/alpha_xnnpack.pte\n    new {new}  1.4.1/toy/alpha_xnnpack.pte"
    ) in message
    # The older release is what it was.
    assert committed(remote, first)["1.4.1/toy/alpha_xnnpack.pte"] == b"fast"


@pytest.mark.parametrize(
    ("files", "repository", "expected"),
    [
        ({"notes.txt": "mine"}, "", "there is no SHA256SUMS, so it is no published tree"),
        ({"assets": "-> /etc"}, "&folder=assets/models", "assets is a symlink"),
    ],
    ids=["foreign-files", "folder-through-a-symlink"],
)
def test_a_branch_that_is_no_tree(
    tmp_path: Path, remote: Path, files: dict[str, str], repository: str, expected: str
) -> None:
    commit_files(remote, tmp_path / "work", files)
    write_tree(tmp_path / "tree")
    assert expected in refused(tmp_path, f"git+file:remote.git#branch=main{repository}")


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("1.4.1/toy/alpha_xnnpack.pte", "-> ../../README.md", "alpha_xnnpack.pte is a symlink"),
        ("1.4.1/toy/alpha_xnnpack.pte", "other", "but SHA256SUMS says"),
        ("1.4.1/toy/more.pte", "more", "1.4.1/toy/more.pte is not in SHA256SUMS"),
    ],
    ids=["symlink", "changed", "added"],
)
def test_a_branch_that_somebody_else_has_changed(
    tmp_path: Path, remote: Path, path: str, text: str, expected: str
) -> None:
    write_tree(tmp_path / "tree")
    run(tmp_path)
    commit_files(remote, tmp_path / "work", {path: text})
    assert expected in refused(tmp_path)


def test_a_tag_with_other_content(tmp_path: Path, remote: Path) -> None:
    first = git(remote, "rev-parse", "main")
    theirs = read_tree(write_tree(tmp_path / "tree", {"beta_portable": b"b"})).identity
    run(tmp_path)
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
    [({"SHA256SUMS": "x\n"}, "has the line 'x'"), ({".github/x": "x"}, "there are none")],
)
def test_a_tag_of_something_else(
    tmp_path: Path, remote: Path, files: dict[str, str], expected: str
) -> None:
    name = release_of(write_tree(tmp_path / "tree"))
    commit = commit_files(remote, tmp_path / "work", files)
    git(remote, "tag", name, commit)
    git(remote, "update-ref", "refs/heads/main", f"{commit}^")
    told = refused(tmp_path)
    assert f"the tag {name}" in told
    assert expected in told


def test_a_tag_whose_files_are_not_what_its_sums_say(tmp_path: Path, remote: Path) -> None:
    name = release_of(write_tree(tmp_path / "tree"))
    run(tmp_path)
    first = git(remote, "rev-parse", "main^")
    commit = commit_files(remote, tmp_path / "work", {"1.4.1/toy/alpha_xnnpack.pte": "other"})
    git(remote, "tag", "--force", name, commit)
    git(remote, "update-ref", "refs/heads/main", first)
    assert f"the tag {name}: 1.4.1/toy/alpha_xnnpack.pte has SHA-256" in refused(tmp_path)


def test_a_branch_that_is_not_there(tmp_path: Path, remote: Path) -> None:
    write_tree(tmp_path / "tree")
    told = refused(tmp_path, "git+file:remote.git#branch=mian")
    assert "there is no branch mian" in told


def test_who_commits_is_not_known(
    tmp_path: Path, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home/gitconfig").write_text("[user]\nuseConfigOnly = true\n")
    write_tree(tmp_path / "tree")
    before = refs(remote)
    repositories = ("file:releases", "git+file:remote.git#branch=main")
    with pytest.raises(PteError, match="user.email"):
        publish(request_for(tmp_path, *repositories), lambda line: None)
    assert refs(remote) == before
    assert not (tmp_path / "releases/current").exists()


def test_a_remote_that_is_not_there(tmp_path: Path) -> None:
    write_tree(tmp_path / "tree")
    with pytest.raises(PteError, match="ls-remote") as caught:
        run(tmp_path, "git+file:nonesuch.git#branch=main")
    assert "nonesuch.git" in str(caught.value)


def test_a_hook_of_the_remote_rejects_the_push(tmp_path: Path, remote: Path) -> None:
    hook = remote / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'Not on a Friday.' >&2\nexit 1\n")
    hook.chmod(0o755)
    write_tree(tmp_path / "tree")
    told = refused(tmp_path)
    assert told.startswith("rejected: git+file:remote.git#branch=main does not take v1.4.1-")
    assert "Not on a Friday." in told
    hook.unlink()
    run(tmp_path)
    assert git(remote, "rev-list", "--count", "main") == "2"


def test_a_remote_that_takes_the_branch_but_not_the_tag_gets_neither(
    tmp_path: Path, remote: Path
) -> None:
    hook = remote / "hooks/update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text('#!/bin/sh\ncase "$1" in refs/tags/*) exit 1;; esac\n')
    hook.chmod(0o755)
    write_tree(tmp_path / "tree")
    assert refused(tmp_path).startswith("rejected: ")


def test_somebody_publishes_at_the_same_time(tmp_path: Path, remote: Path) -> None:
    write_tree(tmp_path / "tree")

    def interrupt(step: str) -> None:
        if step == "push":
            commit_files(remote, tmp_path / "work", {".github/x": "x"})

    with pytest.raises(PteError, match="fetch first") as caught:
        publish(
            request_for(tmp_path, "git+file:remote.git#branch=main"), lambda line: None, interrupt
        )
    assert caught.value.kind == "rejected"
    assert git(remote, "tag") == ""
    assert sorted(committed(remote)) == [".github/x"]
    run(tmp_path)
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
        publish(request_for(tmp_path, "git+file:remote.git#branch=main"), print, interrupt)
    assert refs(remote) == before

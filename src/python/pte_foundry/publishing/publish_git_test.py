"""Publishing to git repositories."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.publishing.publish import publish
from pte_foundry.publishing.sample_repositories import (
    bare_repository,
    commit_files,
    committed,
    git,
    only_this_git,
    refs,
)
from pte_foundry.publishing.sample_trees import files_below, request_for, write_tree

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
    return "v1.4.1-" + hashlib.sha256((tree / "SHA256SUMS").read_bytes()).hexdigest()[:12]


@pytest.fixture()
def remote(tmp_path: Path) -> Path:
    return bare_repository(tmp_path / "remote.git")


def test_a_first_release(tmp_path: Path, remote: Path) -> None:
    tree = write_tree(tmp_path / "tree")
    told = run(tmp_path)
    name = release_of(tree)
    assert told == (
        f"//:tree: published {name} to git+file:remote.git#branch=main: 3 added, 0 changed, 0 removed"
    )
    assert committed(remote) == committed(remote, name) == {**files_below(tree), **PLAIN}
    assert git(remote, "rev-parse", f"{name}^{{commit}}") == git(remote, "rev-parse", "main")
    assert git(remote, "log", "--format=%an %cn", "-1", "main") == "Ada Ada"
    message = git(remote, "log", "--format=%B", "-1", "main")
    assert message.startswith(
        f"Publish {name}\n\n//:tree: 3 added, 0 changed, 0 removed.\n\nAdded:\n"
    )
    sha256 = hashlib.sha256(b"fast").hexdigest()
    assert f"  models/toy:alpha_xnnpack\n    new {sha256}  1.4.1/toy/alpha_xnnpack.pte" in message
    modes = {line.split()[0] for line in git(remote, "ls-tree", "-r", "main").splitlines()}
    assert modes == {"100644"}


def test_into_an_empty_repository(tmp_path: Path) -> None:
    remote = bare_repository(tmp_path / "remote.git", empty=True)
    tree = write_tree(tmp_path / "tree")
    run(tmp_path)
    assert committed(remote) == {**files_below(tree), **PLAIN}
    assert git(remote, "rev-list", "--count", "main") == "1"


def test_an_unchanged_tree_makes_no_commit(tmp_path: Path, remote: Path) -> None:
    tree = write_tree(tmp_path / "tree")
    run(tmp_path)
    before = refs(remote)
    write_tree(tmp_path / "tree", commit="0b")
    assert run(tmp_path).endswith(f"has {release_of(tree)} already, nothing to do")
    assert refs(remote) == before


def test_a_tag_that_somebody_removed_is_made_again(tmp_path: Path, remote: Path) -> None:
    name = release_of(write_tree(tmp_path / "tree"))
    run(tmp_path)
    git(remote, "tag", "--delete", name)
    run(tmp_path)
    assert git(remote, "rev-parse", f"{name}^{{commit}}") == git(remote, "rev-parse", "main")
    assert git(remote, "rev-list", "--count", "main") == "2"


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


def test_going_back_to_an_older_release_keeps_its_tag(tmp_path: Path, remote: Path) -> None:
    tree = write_tree(tmp_path / "tree")
    first = release_of(tree)
    run(tmp_path)
    tagged = git(remote, "rev-parse", first)
    write_tree(tmp_path / "tree", {"alpha_xnnpack": b"faster", "alpha_portable": b"p"})
    run(tmp_path, changed=True)
    write_tree(tmp_path / "tree")
    assert "a release that was there before" in run(tmp_path, changed=True)
    assert git(remote, "rev-parse", first) == tagged
    assert committed(remote) == {**files_below(tree), **PLAIN}


def test_another_version_is_added_to_what_is_published(tmp_path: Path, remote: Path) -> None:
    write_tree(tmp_path / "tree", version="1.9.0", readme="of 1.9\n")
    run(tmp_path)
    write_tree(tmp_path / "tree", {"alpha_mps": b"m"}, version="1.10.0", readme="of 1.10\n")
    run(tmp_path)
    found = committed(remote)
    assert json.loads(found["versions.json"]) == {
        "versions": ["1.9.0", "1.10.0"],
        "latest": "1.10.0",
    }
    assert found["1.9.0/toy/alpha_xnnpack.pte"] == b"fast"
    assert found["1.10.0/toy/alpha_mps.pte"] == b"m"
    assert found["index.json"] == found["1.10.0/index.json"]
    assert found["README.md"] == b"of 1.10\n"
    sums = dict(reversed(line.split("  ")) for line in found["SHA256SUMS"].decode().splitlines())
    uncovered = {"SHA256SUMS", "provenance.intoto.json", ".gitattributes"}
    assert sums == {
        path: hashlib.sha256(content).hexdigest()
        for path, content in found.items()
        if path not in uncovered
    }
    digits = hashlib.sha256(found["SHA256SUMS"]).hexdigest()[:12]
    assert git(remote, "tag", "--points-at", "main") == f"v1.10.0-{digits}"


def test_below_a_folder_what_is_beside_it_stays(tmp_path: Path, remote: Path) -> None:
    commit_files(remote, tmp_path / "work", {"app/main.dart": "app\n", "README.md": "mine\n"})
    tree = write_tree(tmp_path / "tree")
    repository = "git+file:remote.git#branch=main&folder=assets/models"
    run(tmp_path, repository)
    assert committed(remote, below="assets/models") == {**files_below(tree), **PLAIN}
    assert committed(remote)["README.md"] == b"mine\n"
    assert committed(remote)["app/main.dart"] == b"app\n"


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


def test_files_of_the_git_host_are_left_alone(tmp_path: Path, remote: Path) -> None:
    tree = write_tree(tmp_path / "tree")
    own = {".github/workflows/check.yml": "on: push\n", ".gitattributes": "* -text\n*.txt diff\n"}
    commit_files(remote, tmp_path / "work", own)
    run(tmp_path)
    expected = {path: text.encode() for path, text in own.items()}
    assert committed(remote) == {**files_below(tree), **expected}


def test_a_tag_with_other_content(tmp_path: Path, remote: Path) -> None:
    tree = write_tree(tmp_path / "tree")
    name, ours = release_of(tree), hashlib.sha256((tree / "SHA256SUMS").read_bytes()).hexdigest()
    commit = commit_files(
        remote, tmp_path / "work", {".github/SHA256SUMS": "", "SHA256SUMS": "x\n"}
    )
    git(remote, "tag", name, commit)
    git(remote, "update-ref", "refs/heads/main", f"{commit}^")
    told = refused(tmp_path)
    assert f"the tag {name} exists with other content" in told
    assert hashlib.sha256(b"x\n").hexdigest() in told
    assert ours in told


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
    assert "user.email" in refused(tmp_path)


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


def test_line_ends_and_filters_of_the_user_do_not_matter(tmp_path: Path, remote: Path) -> None:
    config = tmp_path / "home/gitconfig"
    config.write_text(
        config.read_text()
        + f"[core]\nautocrlf = true\nattributesFile = {tmp_path}/attributes\n"
        + '[filter "upper"]\nclean = tr a-z A-Z\n'
    )
    (tmp_path / "attributes").write_text("* text filter=upper\n")
    tree = write_tree(tmp_path / "tree", labels=b"cat\r\ncup\r\n")
    run(tmp_path)
    assert committed(remote) == {**files_below(tree), **PLAIN}


def test_settings_of_the_user_that_would_get_in_the_way(tmp_path: Path, remote: Path) -> None:
    config = tmp_path / "home/gitconfig"
    config.write_text(
        config.read_text() + "[safe]\nbareRepository = explicit\n[push]\nfollowTags = true\n"
        "[init]\ndefaultBranch = trunk\n[core]\nhooksPath = /nonexistent\n"
    )
    tree = write_tree(tmp_path / "tree")
    run(tmp_path)
    git_dir = f"--git-dir={remote}"
    assert git(tmp_path, git_dir, "tag") == release_of(tree)


def test_the_caller_is_a_hook_of_git(
    tmp_path: Path, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = bare_repository(tmp_path / "other.git")
    monkeypatch.setenv("GIT_DIR", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    write_tree(tmp_path / "tree")
    run(tmp_path)
    monkeypatch.delenv("GIT_DIR")
    assert git(remote, "rev-list", "--count", "main") == "2"
    assert not os.path.exists(tmp_path / "index")

"""Publishing to git repositories."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from pte_foundry.testing.sample_repositories import (
    PLAIN,
    bare_repository,
    commit_files,
    committed,
    git,
)
from pte_foundry.testing.sample_trees import files_below, publish_tree, release_of, write_tree


def run(
    folder: Path, repository: str = "git+file:remote.git#branch=main", **changes: object
) -> str:
    return publish_tree(folder, repository, **changes)


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


def test_the_message_lists_every_change(tmp_path: Path, remote: Path) -> None:
    first = release_of(write_tree(tmp_path / "tree"))
    run(tmp_path)
    write_tree(tmp_path / "tree", {"alpha_xnnpack": b"faster", "beta_portable": b"b"})
    run(tmp_path, changed=True, removed=True)
    old, new = (hashlib.sha256(text).hexdigest() for text in (b"fast", b"faster"))
    message = git(remote, "log", "--format=%B", "-1", "main")
    assert "1 added, 1 changed, 1 removed" in message
    assert (
        "CHANGED under the same address and ExecuTorch version:\n  models/toy:alpha_xnnpack\n"
        f"    old {old}  1.4.1/toy/alpha_xnnpack.pte\n    new {new}  1.4.1/toy/alpha_xnnpack.pte"
    ) in message
    # The older release is unchanged.
    assert committed(remote, first)["1.4.1/toy/alpha_xnnpack.pte"] == b"fast"


def test_into_an_empty_repository(tmp_path: Path) -> None:
    remote = bare_repository(tmp_path / "remote.git", empty=True)
    tree = write_tree(tmp_path / "tree")
    run(tmp_path)
    assert committed(remote) == {**files_below(tree), **PLAIN}
    assert git(remote, "rev-list", "--count", "main") == "1"


def test_a_removed_tag_is_made_again(tmp_path: Path, remote: Path) -> None:
    name = release_of(write_tree(tmp_path / "tree"))
    run(tmp_path)
    git(remote, "tag", "--delete", name)
    run(tmp_path)
    assert git(remote, "rev-parse", f"{name}^{{commit}}") == git(remote, "rev-parse", "main")
    assert git(remote, "rev-list", "--count", "main") == "2"


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


def test_publishing_below_a_folder_leaves_the_rest_alone(tmp_path: Path, remote: Path) -> None:
    commit_files(remote, tmp_path / "work", {"app/main.dart": "app\n", "README.md": "mine\n"})
    tree = write_tree(tmp_path / "tree")
    repository = "git+file:remote.git#branch=main&folder=assets/models"
    run(tmp_path, repository)
    assert committed(remote, below="assets/models") == {**files_below(tree), **PLAIN}
    assert committed(remote)["README.md"] == b"mine\n"
    assert committed(remote)["app/main.dart"] == b"app\n"


def test_files_of_the_git_host_are_left_alone(tmp_path: Path, remote: Path) -> None:
    tree = write_tree(tmp_path / "tree")
    own = {".github/workflows/check.yml": "on: push\n", ".gitattributes": "* -text\n*.txt diff\n"}
    commit_files(remote, tmp_path / "work", own)
    run(tmp_path)
    expected = {path: text.encode() for path, text in own.items()}
    assert committed(remote) == {**files_below(tree), **expected}


def test_line_ends_and_filters_of_the_user_do_not_matter(
    tmp_path: Path, remote: Path, git_config: Path
) -> None:
    git_config.write_text(
        git_config.read_text()
        + f"[core]\nautocrlf = true\nattributesFile = {tmp_path}/attributes\n"
        + '[filter "upper"]\nclean = tr a-z A-Z\n'
    )
    (tmp_path / "attributes").write_text("* text filter=upper\n")
    tree = write_tree(tmp_path / "tree", labels=b"cat\r\ncup\r\n")
    run(tmp_path)
    assert committed(remote) == {**files_below(tree), **PLAIN}


def test_inconvenient_settings_of_the_user_do_not_matter(
    tmp_path: Path, remote: Path, git_config: Path
) -> None:
    git_config.write_text(
        git_config.read_text() + "[safe]\nbareRepository = explicit\n[push]\nfollowTags = true\n"
        "[init]\ndefaultBranch = trunk\n[core]\nhooksPath = /nonexistent\n"
    )
    tree = write_tree(tmp_path / "tree")
    run(tmp_path)
    git_dir = f"--git-dir={remote}"
    assert git(tmp_path, git_dir, "tag") == release_of(tree)


def test_a_git_hook_may_publish(
    tmp_path: Path, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = bare_repository(tmp_path / "other.git")
    before = files_below(other)
    monkeypatch.setenv("GIT_DIR", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    write_tree(tmp_path / "tree")
    run(tmp_path)
    monkeypatch.delenv("GIT_DIR")
    assert git(remote, "rev-list", "--count", "main") == "2"
    assert files_below(other) == before
    assert not os.path.exists(tmp_path / "index")

"""Publishing to git repositories."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

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


def release_of(tree: Path) -> str:
    return release_name("1.4.1", read_tree(tree).sums)


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


def test_other_pages_make_no_release_and_a_release_comes_back_with_its_own(
    tmp_path: Path, remote: Path
) -> None:
    tree = write_tree(tmp_path / "tree")
    first = files_below(tree)
    run(tmp_path)
    before = refs(remote)
    write_tree(tree, readme="Read me again.\n", commit="0b")
    assert run(tmp_path).endswith("nothing to do; its pages stay as they were published")
    assert refs(remote) == before
    write_tree(tree, {"alpha_xnnpack": b"faster", "alpha_portable": b"p"})
    run(tmp_path, changed=True)
    write_tree(tree, readme="Read me again.\n", commit="0b")
    assert "a release that was there before" in run(tmp_path, changed=True)
    assert committed(remote) == {**first, **PLAIN}


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
    lines = (line.split("  ") for line in found["SHA256SUMS"].decode().splitlines())
    sums = {path: sha256 for sha256, path in lines}
    uncovered = {"SHA256SUMS", "provenance.intoto.json", ".gitattributes"}
    assert sums == {
        path: hashlib.sha256(content).hexdigest()
        for path, content in found.items()
        if path not in uncovered
    }
    assert git(remote, "tag", "--points-at", "main") == release_name("1.10.0", sums)


def test_below_a_folder_what_is_beside_it_stays(tmp_path: Path, remote: Path) -> None:
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
    before = files_below(other)
    monkeypatch.setenv("GIT_DIR", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    write_tree(tmp_path / "tree")
    run(tmp_path)
    monkeypatch.delenv("GIT_DIR")
    assert git(remote, "rev-list", "--count", "main") == "2"
    assert files_below(other) == before
    assert not os.path.exists(tmp_path / "index")

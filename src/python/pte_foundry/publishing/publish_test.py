"""What `publish` promises for every kind of repository."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pte_foundry.errors import PteError
from pte_foundry.publishing.flat_release import tree_path
from pte_foundry.testing.github_server import GithubServer
from pte_foundry.testing.hub_server import HubServer
from pte_foundry.testing.sample_repositories import PLAIN, committed, git, refs, set_hook
from pte_foundry.testing.sample_trees import files_below, publish_tree, release_of, write_tree

DIRECTORY = "file:releases"
GIT = "git+file:remote.git#branch=main"
GITHUB = "github:ada/models"
HUB = "hf:ada/models"


@dataclass(frozen=True)
class Published:
    """A repository of one kind in a folder.

    files: the current release. state: whatever a refusal must not change.
    """

    repository: str
    files: Callable[[], dict[str, bytes]]
    state: Callable[[], object]


@pytest.fixture(params=[DIRECTORY, GIT, GITHUB, HUB])
def published(
    request: Any, tmp_path: Path, remote: Path, github: GithubServer, hub: HubServer
) -> Published:
    if request.param == GIT:
        return Published(
            GIT,
            lambda: {path: text for path, text in committed(remote).items() if path not in PLAIN},
            lambda: refs(remote),
        )
    if request.param == GITHUB:
        return Published(GITHUB, lambda: tree_of(github), github.state)
    if request.param == HUB:
        return Published(HUB, hub.files, hub.state)
    releases = tmp_path / "releases"
    return Published(
        DIRECTORY, lambda: files_below(releases / "current"), lambda: files_below(releases)
    )


def tree_of(github: GithubServer) -> dict[str, bytes]:
    """The tree in the assets of the latest release."""
    current = github.current()
    assert current is not None
    named = {tree_path(name): asset.content for name, asset in current.assets.items()}
    return {path: content for path, content in named.items() if path is not None}


def refused(folder: Path, *repositories: str, **changes: object) -> str:
    with pytest.raises(PteError) as caught:
        publish_tree(folder, *repositories, **changes)
    return str(caught.value)


def test_an_unchanged_tree_changes_nothing(tmp_path: Path, published: Published) -> None:
    tree = write_tree(tmp_path / "tree")
    publish_tree(tmp_path, published.repository)
    assert published.files() == files_below(tree)
    before = published.state()
    write_tree(tree, commit="0b")
    told = publish_tree(tmp_path, published.repository)
    assert told.endswith(f"has {release_of(tree)} already, nothing to do")
    assert published.state() == before


def test_new_pages_make_no_release_and_an_old_release_returns_with_its_own(
    tmp_path: Path, published: Published
) -> None:
    tree = write_tree(tmp_path / "tree")
    first = files_below(tree)
    publish_tree(tmp_path, published.repository)
    before = published.state()
    write_tree(tree, readme="Read me again.\n", commit="0b")
    told = publish_tree(tmp_path, published.repository)
    assert told.endswith("nothing to do; its pages stay as they were published")
    assert published.state() == before
    write_tree(tree, {"alpha_xnnpack": b"faster", "alpha_portable": b"p"})
    publish_tree(tmp_path, published.repository, changed=True)
    write_tree(tree, readme="Read me again.\n", commit="0b")
    told = publish_tree(tmp_path, published.repository, changed=True)
    assert "a release that was there before" in told
    assert published.files() == first


def test_changed_and_removed_artifacts_need_permission(
    tmp_path: Path, published: Published
) -> None:
    write_tree(tmp_path / "tree")
    publish_tree(tmp_path, published.repository)
    before = published.state()
    tree = write_tree(tmp_path / "tree", {"alpha_xnnpack": b"faster", "beta_portable": b"b"})
    old, new = (hashlib.sha256(text).hexdigest() for text in (b"fast", b"faster"))
    told = refused(tmp_path, published.repository)
    assert f"models/toy:alpha_xnnpack for 1.4.1 (published {old}, now {new})" in told
    assert "--tree-allow-changed" in told
    assert "models/toy:alpha_portable for 1.4.1" in told
    assert "--tree-allow-removed" in told
    assert "--tree-allow-changed" not in refused(tmp_path, published.repository, changed=True)
    assert "--tree-allow-removed" not in refused(tmp_path, published.repository, removed=True)
    assert published.state() == before
    publish_tree(tmp_path, published.repository, changed=True, removed=True)
    assert published.files() == files_below(tree)


def test_versions_are_merged_in_numeric_order(tmp_path: Path, published: Published) -> None:
    tree = write_tree(tmp_path / "tree", version="1.10.0", readme="of 1.10\n")
    publish_tree(tmp_path, published.repository)
    latest = files_below(tree)
    write_tree(tree, {"alpha_mps": b"m"}, version="1.9.0", readme="of 1.9\n")
    assert "published v1.10.0-" in publish_tree(tmp_path, published.repository)
    found = published.files()
    assert json.loads(found["versions.json"]) == {
        "versions": ["1.9.0", "1.10.0"],
        "latest": "1.10.0",
    }
    assert found["1.9.0/toy/alpha_mps.pte"] == b"m"
    for path in ("1.10.0/toy/alpha_xnnpack.pte", "1.10.0/index.json", "index.json", "README.md"):
        assert found[path] == latest[path]
    lines = (line.split("  ") for line in found["SHA256SUMS"].decode().splitlines())
    assert {path: sha256 for sha256, path in lines} == {
        path: hashlib.sha256(content).hexdigest()
        for path, content in found.items()
        if path not in ("SHA256SUMS", "provenance.intoto.json")
    }


@pytest.mark.parametrize("source", ["seeded", "substitute"])
def test_unofficial_weights_need_permission(tmp_path: Path, source: str) -> None:
    write_tree(tmp_path / "tree", source=source)
    told = refused(tmp_path, DIRECTORY)
    assert told.startswith("refused: //:tree is not published:\n  - 1.4.1/index.json has programs")
    assert f"2 from {source}" in told
    assert "--tree-allow-unofficial" in told
    assert not (tmp_path / "releases").exists()
    publish_tree(tmp_path, DIRECTORY, unofficial=True)
    assert (tmp_path / "releases/current/index.json").is_file()


def test_a_relative_base_url_is_not_for_git(tmp_path: Path, remote: Path) -> None:
    write_tree(tmp_path / "tree", base_url=".")
    before = refs(remote)
    told = refused(tmp_path, DIRECTORY, GIT)
    assert f"base URL '.', but readers at {GIT} need an absolute one" in told
    assert refs(remote) == before
    assert not (tmp_path / "releases").exists()


def test_all_reasons_against_a_tree_are_given_at_once(tmp_path: Path, remote: Path) -> None:
    write_tree(tmp_path / "tree", base_url=".", source="seeded")
    told = refused(tmp_path, GIT)
    assert "--tree-allow-unofficial" in told
    assert "--index-base-url" in told


def test_if_one_repository_refuses_none_is_written_to(tmp_path: Path, remote: Path) -> None:
    write_tree(tmp_path / "tree")
    publish_tree(tmp_path, DIRECTORY)
    write_tree(tmp_path / "tree", {"alpha_portable": b"new", "alpha_xnnpack": b"fast"})
    before = refs(remote), files_below(tmp_path / "releases")
    assert "file:releases has other files under the same" in refused(tmp_path, GIT, DIRECTORY)
    assert (refs(remote), files_below(tmp_path / "releases")) == before


def test_a_failure_says_what_was_published_before_it(tmp_path: Path, remote: Path) -> None:
    set_hook(remote, "pre-receive", "exit 1")
    write_tree(tmp_path / "tree")
    told = refused(tmp_path, DIRECTORY, GIT)
    assert told.startswith("rejected: ")
    assert told.endswith("\nPublished before that: file:releases")
    assert git(remote, "tag") == ""


def replace_by_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "changed": (lambda tree: (tree / "index.json").write_text("{}"), "index.json has SHA-256"),
    "missing": (lambda tree: (tree / "1.4.1/toy/labels.txt").unlink(), "labels.txt is missing"),
    "extra": (lambda tree: (tree / "more.txt").write_text("x"), "more.txt is not in SHA256SUMS"),
    "no-sums": (lambda tree: (tree / "SHA256SUMS").unlink(), "there is no SHA256SUMS"),
    "bad-sums": (
        lambda tree: (tree / "SHA256SUMS").write_text("x y\n"),
        "SHA256SUMS line 1 is not",
    ),
    "path": (
        lambda tree: (tree / "SHA256SUMS").write_text(f"{'0' * 64}  ../up\n"),
        "'../up' is not a plain relative path",
    ),
    "symlink": (
        lambda tree: replace_by_link(tree / "1.4.1/toy/labels.txt"),
        "1.4.1/toy/labels.txt is a symlink",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_tree_is_refused(tmp_path: Path, remote: Path, damage: str) -> None:
    change, expected = DAMAGES[damage]
    change(write_tree(tmp_path / "tree"))
    before = refs(remote)
    assert expected in refused(tmp_path, DIRECTORY, GIT)
    assert refs(remote) == before
    assert not (tmp_path / "releases").exists()

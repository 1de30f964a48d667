"""What `publish` promises whatever the kinds of its repositories."""

from __future__ import annotations

from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.publishing.publish import publish
from pte_foundry.testing.sample_repositories import bare_repository, git, only_this_git, refs
from pte_foundry.testing.sample_trees import files_below, request_for, write_tree

GIT = "git+file:remote.git#branch=main"


@pytest.fixture()
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    only_this_git(monkeypatch, tmp_path / "home")
    return bare_repository(tmp_path / "remote.git")


def refused(folder: Path, *repositories: str, **changes: object) -> str:
    with pytest.raises(PteError) as caught:
        publish(request_for(folder, *repositories, **changes), lambda line: None)
    return str(caught.value)


@pytest.mark.parametrize("source", ["seeded", "substitute"])
def test_unofficial_weights_need_permission(tmp_path: Path, source: str) -> None:
    write_tree(tmp_path / "tree", source=source)
    told = refused(tmp_path, "file:releases")
    assert told.startswith("refused: //:tree is not published:\n  - 1.4.1/index.json has programs")
    assert f"2 from {source}" in told
    assert "--tree-allow-unofficial" in told
    assert not (tmp_path / "releases").exists()
    publish(request_for(tmp_path, "file:releases", unofficial=True), lambda line: None)
    assert (tmp_path / "releases/current/index.json").is_file()


def test_a_relative_base_url_is_for_folders_only(tmp_path: Path, remote: Path) -> None:
    write_tree(tmp_path / "tree", base_url=".")
    before = refs(remote)
    told = refused(tmp_path, "file:releases", GIT)
    assert f"base URL '.', but who reads it at {GIT} needs an absolute one" in told
    assert refs(remote) == before
    assert not (tmp_path / "releases").exists()


def test_all_that_speaks_against_a_tree_is_told_at_once(tmp_path: Path, remote: Path) -> None:
    write_tree(tmp_path / "tree", base_url=".", source="seeded")
    told = refused(tmp_path, GIT)
    assert "--tree-allow-unofficial" in told
    assert "--index-base-url" in told


def test_a_refusal_of_the_second_repository_keeps_the_first_from_being_written(
    tmp_path: Path, remote: Path
) -> None:
    write_tree(tmp_path / "tree")
    publish(request_for(tmp_path, "file:releases"), lambda line: None)
    write_tree(tmp_path / "tree", {"alpha_portable": b"new", "alpha_xnnpack": b"fast"})
    before = refs(remote), files_below(tmp_path / "releases")
    assert "file:releases has other files under the same" in refused(tmp_path, GIT, "file:releases")
    assert (refs(remote), files_below(tmp_path / "releases")) == before


def test_a_failure_says_what_was_published_before_it(tmp_path: Path, remote: Path) -> None:
    (remote / "hooks").mkdir(exist_ok=True)
    hook = remote / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    write_tree(tmp_path / "tree")
    told = refused(tmp_path, "file:releases", GIT)
    assert told.startswith("rejected: ")
    assert told.endswith("\nPublished before that: file:releases")
    assert git(remote, "tag") == ""


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda tree: (tree / "index.json").write_text("{}"), "index.json has SHA-256"),
        (lambda tree: (tree / "1.4.1/toy/labels.txt").unlink(), "labels.txt is missing"),
        (lambda tree: (tree / "more.txt").write_text("x"), "more.txt is not in SHA256SUMS"),
        (lambda tree: (tree / "SHA256SUMS").unlink(), "there is no SHA256SUMS"),
        (lambda tree: (tree / "SHA256SUMS").write_text("nonsense\n"), "has the line 'nonsense'"),
        (
            lambda tree: (tree / "SHA256SUMS").write_text(f"{'0' * 64}  ../up\n"),
            "'../up' is no plain relative path",
        ),
        (
            lambda tree: (
                (tree / "1.4.1/toy/labels.txt").unlink(),
                (tree / "1.4.1/toy/labels.txt").symlink_to("/etc/passwd"),
            ),
            "1.4.1/toy/labels.txt is a symlink",
        ),
    ],
    ids=["changed", "missing", "extra", "no-sums", "bad-sums", "path", "symlink"],
)
@pytest.mark.parametrize("repository", ["file:releases", GIT])
def test_a_tree_that_is_not_what_it_says(
    tmp_path: Path, remote: Path, repository: str, damage: object, expected: str
) -> None:
    tree = write_tree(tmp_path / "tree")
    assert callable(damage)
    damage(tree)
    before = refs(remote)
    assert expected in refused(tmp_path, repository)
    assert refs(remote) == before
    assert not (tmp_path / "releases").exists()

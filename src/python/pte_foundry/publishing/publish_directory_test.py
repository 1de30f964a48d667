"""Publishing to a folder of releases."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.publishing.publish import publish
from pte_foundry.publishing.release import release_name
from pte_foundry.testing.sample_trees import (
    files_below,
    read_tree,
    request_for,
    write_tree,
)


def run(folder: Path, repository: str = "file:releases", **changes: object) -> str:
    told: list[str] = []
    publish(request_for(folder, repository, **changes), told.append)
    return "\n".join(told)


def refused(folder: Path, **changes: object) -> str:
    """The message of a refusal, after which the folder is as before."""
    releases = folder / "releases"
    before = files_below(releases)
    with pytest.raises(PteError) as caught:
        run(folder, "file:releases", **changes)
    assert files_below(releases) == before
    return str(caught.value)


def release_of(tree: Path, version: str = "1.4.1") -> str:
    return release_name(version, read_tree(tree).sums)


def replace(path: Path, content: bytes) -> None:
    """Write to a file that is published, and so read-only."""
    path.chmod(0o644)
    path.write_bytes(content)


def test_a_first_release(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", base_url=".")
    name = release_of(tree)
    assert run(tmp_path) == (
        f"//:tree: published {name} to file:releases: 3 added, 0 changed, 0 removed"
    )
    releases = tmp_path / "releases"
    assert files_below(releases / "current") == files_below(releases / name) == files_below(tree)
    assert os.readlink(releases / "current") == name
    assert sorted(os.listdir(releases)) == [".publish.lock", "current", name]
    assert (releases / name / "index.json").stat().st_mode & 0o222 == 0


@pytest.mark.parametrize("mask", [0o077, 0o000, 0o022])
def test_who_may_read_a_release_does_not_depend_on_the_umask(tmp_path: Path, mask: int) -> None:
    write_tree(tmp_path / "tree")
    before = os.umask(mask)
    try:
        run(tmp_path)
        write_tree(tmp_path / "tree", version="1.5.0")
        run(tmp_path)
    finally:
        os.umask(before)
    releases = tmp_path / "releases"
    published = [path for path in releases.rglob("*") if path.name != ".publish.lock"]
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in [releases, *published]}
    assert modes == {(True, 0o755), (False, 0o444)}


def test_a_folder_that_was_there_keeps_its_mode_and_its_group(tmp_path: Path) -> None:
    releases = tmp_path / "releases"
    releases.mkdir()
    releases.chmod(0o2770)
    write_tree(tmp_path / "tree")
    run(tmp_path)
    assert stat.S_IMODE(releases.stat().st_mode) == 0o2770
    assert stat.S_IMODE((releases / "current/1.4.1").stat().st_mode) == 0o2755


def test_a_new_release_beside_the_old_one_shares_what_is_equal(tmp_path: Path) -> None:
    write_tree(tmp_path / "tree")
    first = release_of(tmp_path / "tree")
    run(tmp_path)
    releases = tmp_path / "releases"
    before = files_below(releases / first)
    tree = write_tree(tmp_path / "tree", {"alpha_portable": b"portable", "alpha_xnnpack": b"new"})
    run(tmp_path, changed=True)
    assert os.readlink(releases / "current") == release_of(tree)
    assert files_below(releases / "current") == files_below(tree)
    assert files_below(releases / first) == before
    inode = {
        path: [os.stat(releases / name / path).st_ino for name in (first, release_of(tree))]
        for path in ("1.4.1/toy/alpha_portable.pte", "1.4.1/toy/alpha_xnnpack.pte")
    }
    assert len(set(inode["1.4.1/toy/alpha_portable.pte"])) == 1
    assert len(set(inode["1.4.1/toy/alpha_xnnpack.pte"])) == 2
    # What was packaged stays the packager's own: later edits must not reach a release.
    (tree / "README.md").write_text("edited")
    assert (releases / "current/README.md").read_text() == "Read me.\n"


def test_the_pictures_of_the_latest_version_stay(tmp_path: Path) -> None:
    write_tree(tmp_path / "tree", version="1.5.0", measured="of 1.5.0")
    run(tmp_path)
    # The same artifacts, measured on another machine: the same release.
    write_tree(tmp_path / "tree", version="1.5.0", measured="elsewhere")
    assert "published" not in run(tmp_path)
    write_tree(tmp_path / "tree", version="1.4.1", measured="of 1.4.1")
    run(tmp_path)
    current = tmp_path / "releases/current"
    assert (current / "measured/toy.svg").read_text() == "of 1.5.0"
    assert (current / "1.4.1/index.json").is_file()


def test_where_there_are_no_hard_links_files_are_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tree(tmp_path / "tree")
    run(tmp_path)
    tree = write_tree(tmp_path / "tree", {"alpha_portable": b"portable"})

    def no_link(*arguments: object, **options: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_link)
    run(tmp_path, removed=True)
    assert files_below(tmp_path / "releases/current") == files_below(tree)


def test_an_unchanged_tree(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree")
    run(tmp_path)
    before = files_below(tmp_path / "releases")
    write_tree(tree, commit="0b")
    assert run(tmp_path).endswith(f"has {release_of(tree)} already, nothing to do")
    assert files_below(tmp_path / "releases") == before


def test_other_pages_make_no_release_and_a_release_comes_back_with_its_own(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree")
    first = files_below(tree)
    run(tmp_path)
    before = files_below(tmp_path / "releases")
    write_tree(tree, readme="Read me again.\n", commit="0b")
    assert run(tmp_path).endswith("nothing to do; its pages stay as they were published")
    assert files_below(tmp_path / "releases") == before
    write_tree(tree, {"alpha_xnnpack": b"faster", "alpha_portable": b"p"})
    run(tmp_path, changed=True)
    write_tree(tree, readme="Read me again.\n", commit="0b")
    assert "a release that was there before" in run(tmp_path, changed=True)
    assert files_below(tmp_path / "releases/current") == first


def test_what_is_published_under_a_name_of_another_rule_gets_its_own(tmp_path: Path) -> None:
    """Names were made of all of SHA256SUMS once."""
    name = release_of(write_tree(tmp_path / "tree"))
    run(tmp_path)
    releases = tmp_path / "releases"
    (releases / "current").unlink()
    (releases / name).rename(releases / "v1.4.1-0123456789ab")
    (releases / "current").symlink_to("v1.4.1-0123456789ab")
    assert f"published {name}" in run(tmp_path)
    assert os.readlink(releases / "current") == name
    assert files_below(releases / name) == files_below(releases / "v1.4.1-0123456789ab")


def test_what_a_killed_process_left_is_removed_even_if_there_is_nothing_to_do(
    tmp_path: Path,
) -> None:
    tree = write_tree(tmp_path / "tree")
    run(tmp_path)
    releases = tmp_path / "releases"
    write_tree(releases / ".partial")
    (releases / ".current.partial").symlink_to("x")
    run(tmp_path)
    assert sorted(os.listdir(releases)) == [".publish.lock", "current", release_of(tree)]


def test_changed_and_removed_artifacts_need_permission(tmp_path: Path) -> None:
    write_tree(tmp_path / "tree")
    run(tmp_path)
    write_tree(tmp_path / "tree", {"alpha_xnnpack": b"faster"})
    told = refused(tmp_path)
    assert "models/toy:alpha_xnnpack for 1.4.1" in told
    assert "models/toy:alpha_portable for 1.4.1" in told
    assert "--tree-allow-changed" not in refused(tmp_path, changed=True)
    assert "--tree-allow-removed" not in refused(tmp_path, removed=True)
    run(tmp_path, changed=True, removed=True)


def test_going_back_to_an_older_release(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree")
    first = release_of(tree)
    run(tmp_path)
    write_tree(tree, {**{"alpha_portable": b"p"}, "alpha_xnnpack": b"fast"})
    run(tmp_path, changed=True)
    write_tree(tree)
    assert "a release that was there before" in run(tmp_path, changed=True)
    assert os.readlink(tmp_path / "releases/current") == first


def test_versions_are_merged_in_numeric_order(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for version in ("1.10.0", "1.9.0"):
        write_tree(tree, version=version, readme=f"of {version}\n")
        run(tmp_path)
    current = tmp_path / "releases/current"
    assert json.loads((current / "versions.json").read_text()) == {
        "versions": ["1.9.0", "1.10.0"],
        "latest": "1.10.0",
    }
    assert os.readlink(current).startswith("v1.10.0-")
    assert (current / "README.md").read_text() == "of 1.10.0\n"
    assert json.loads((current / "index.json").read_text())["version"] == "1.10.0"
    assert files_below(current / "1.9.0") == files_below(tree / "1.9.0")


@pytest.mark.parametrize("moved", [False, True], ids=["current", "older"])
def test_a_release_that_somebody_has_changed(tmp_path: Path, moved: bool) -> None:
    name = release_of(write_tree(tmp_path / "tree"))
    run(tmp_path)
    if moved:
        write_tree(tmp_path / "tree", {"alpha_xnnpack": b"fast"})
        run(tmp_path, removed=True)
        write_tree(tmp_path / "tree")
    replace(tmp_path / "releases" / name / "1.4.1/toy/alpha_portable.pte", b"other")
    told = refused(tmp_path)
    assert f"file:releases: {name}: 1.4.1/toy/alpha_portable.pte has SHA-256" in told
    assert hashlib.sha256(b"other").hexdigest() in told
    assert hashlib.sha256(b"portable").hexdigest() in told


def test_a_release_folder_with_other_content(tmp_path: Path) -> None:
    ours = write_tree(tmp_path / "tree")
    name = release_of(ours)
    other = write_tree(tmp_path / "releases" / name, {"beta_portable": b"b"})
    told = refused(tmp_path)
    for tree in (ours, other):
        assert read_tree(tree).identity in told
    assert f"{name} has other content" in told


def test_a_symlink_in_a_published_release(tmp_path: Path) -> None:
    write_tree(tmp_path / "tree")
    run(tmp_path)
    place = tmp_path / "releases/current/1.4.1/toy/labels.txt"
    place.unlink()
    place.symlink_to("/etc/hostname")
    assert "1.4.1/toy/labels.txt is a symlink" in refused(tmp_path)


def test_a_folder_that_is_a_symlink(tmp_path: Path) -> None:
    write_tree(tmp_path / "tree")
    run(tmp_path)
    release = (tmp_path / "releases/current").resolve()
    os.rename(release / "1.4.1/toy", tmp_path / "moved")
    (release / "1.4.1/toy").symlink_to(tmp_path / "moved")
    assert "1.4.1/toy is a symlink" in refused(tmp_path)


@pytest.mark.parametrize("target", ["..", "nonesuch", "v1.4.1-000000000000", None])
def test_a_pointer_to_something_else(tmp_path: Path, target: str | None) -> None:
    write_tree(tmp_path / "tree")
    releases = tmp_path / "releases"
    releases.mkdir()
    if target is None:
        (releases / "current").mkdir()
    else:
        (releases / "current").symlink_to(target)
    assert "current is no symlink to a release" in refused(tmp_path)


def test_a_release_name_that_is_a_symlink(tmp_path: Path) -> None:
    name = release_of(write_tree(tmp_path / "tree"))
    elsewhere = write_tree(tmp_path / "elsewhere")
    (tmp_path / "releases").mkdir()
    (tmp_path / "releases" / name).symlink_to(elsewhere)
    assert f"{name} is not a folder" in refused(tmp_path)


def test_two_publishers_at_once(tmp_path: Path) -> None:
    write_tree(tmp_path / "tree")
    messages: list[str] = []

    def interrupt(step: str) -> None:
        if step == "move the pointer":
            with pytest.raises(PteError) as caught:
                publish(request_for(tmp_path, "file:releases"), print)
            messages.append(str(caught.value))

    publish(request_for(tmp_path, "file:releases"), lambda line: None, interrupt)
    assert messages == [
        f"busy: {tmp_path}/releases: another process is publishing here. Wait for it, and try again"
    ]
    assert files_below(tmp_path / "releases/current") == files_below(tmp_path / "tree")


def test_a_folder_whose_parent_is_not_there(tmp_path: Path) -> None:
    write_tree(tmp_path / "tree")
    with pytest.raises(PteError, match="No such file or directory") as caught:
        run(tmp_path, "file:nonesuch/releases")
    assert caught.value.kind == "cannot-write"


def test_a_file_that_changes_while_it_is_published(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree")

    def interrupt(step: str) -> None:
        (tree / "1.4.1/toy/labels.txt").write_text("dog")

    with pytest.raises(PteError, match="has SHA-256 .* now and had") as caught:
        publish(request_for(tmp_path, "file:releases"), print, interrupt)
    assert caught.value.kind == "bad-tree"
    assert sorted(os.listdir(tmp_path / "releases")) == [".publish.lock"]

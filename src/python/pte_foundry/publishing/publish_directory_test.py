"""Publishing to a folder of releases."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.publishing.publish import publish
from pte_foundry.testing.sample_trees import (
    files_below,
    publish_tree,
    read_tree,
    release_of,
    request_for,
    write_tree,
)


def run(folder: Path, repository: str = "file:releases", **changes: object) -> str:
    return publish_tree(folder, repository, **changes)


def refused(folder: Path) -> str:
    """The message of a refusal, after which the folder is as before."""
    releases = folder / "releases"
    before = files_below(releases)
    with pytest.raises(PteError) as caught:
        run(folder)
    assert files_below(releases) == before
    return str(caught.value)


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
def test_a_release_is_readable_whatever_the_umask(tmp_path: Path, mask: int) -> None:
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


def test_an_existing_folder_keeps_its_mode_and_group(tmp_path: Path) -> None:
    releases = tmp_path / "releases"
    releases.mkdir()
    releases.chmod(0o2770)
    write_tree(tmp_path / "tree")
    run(tmp_path)
    assert stat.S_IMODE(releases.stat().st_mode) == 0o2770
    assert stat.S_IMODE((releases / "current/1.4.1").stat().st_mode) == 0o2755


def test_equal_files_of_two_releases_are_hard_links(tmp_path: Path) -> None:
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
    # Later edits of the packaged tree must not reach a release.
    (tree / "README.md").write_text("edited")
    assert (releases / "current/README.md").read_text() == "Read me.\n"


def test_the_plots_of_the_latest_version_stay(tmp_path: Path) -> None:
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


def test_without_hard_links_files_are_copied(
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


def test_a_release_with_a_name_of_another_rule_gets_a_new_one(tmp_path: Path) -> None:
    """Names once depended on all of SHA256SUMS."""
    name = release_of(write_tree(tmp_path / "tree"))
    run(tmp_path)
    releases = tmp_path / "releases"
    (releases / "current").unlink()
    (releases / name).rename(releases / "v1.4.1-0123456789ab")
    (releases / "current").symlink_to("v1.4.1-0123456789ab")
    assert f"published {name}" in run(tmp_path)
    assert os.readlink(releases / "current") == name
    assert files_below(releases / name) == files_below(releases / "v1.4.1-0123456789ab")


def test_leftovers_are_removed_even_if_there_is_nothing_to_do(
    tmp_path: Path,
) -> None:
    tree = write_tree(tmp_path / "tree")
    run(tmp_path)
    releases = tmp_path / "releases"
    write_tree(releases / ".partial")
    (releases / ".current.partial").symlink_to("x")
    run(tmp_path)
    assert sorted(os.listdir(releases)) == [".publish.lock", "current", release_of(tree)]


@pytest.mark.parametrize("moved", [False, True], ids=["current", "older"])
def test_a_release_that_was_changed(tmp_path: Path, moved: bool) -> None:
    name = release_of(write_tree(tmp_path / "tree"))
    run(tmp_path)
    if moved:
        write_tree(tmp_path / "tree", {"alpha_xnnpack": b"fast"})
        run(tmp_path, removed=True)
        write_tree(tmp_path / "tree")
    program = tmp_path / "releases" / name / "1.4.1/toy/alpha_portable.pte"
    program.chmod(0o644)
    program.write_bytes(b"other")
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
def test_a_pointer_to_anything_but_a_release(tmp_path: Path, target: str | None) -> None:
    write_tree(tmp_path / "tree")
    releases = tmp_path / "releases"
    releases.mkdir()
    if target is None:
        (releases / "current").mkdir()
    else:
        (releases / "current").symlink_to(target)
    assert "current is not a symlink to a release" in refused(tmp_path)


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


def test_a_folder_without_a_parent(tmp_path: Path) -> None:
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

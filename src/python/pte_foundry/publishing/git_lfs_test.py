from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.publishing.git_lfs import LFS_LINE, pointed_at, pointer
from pte_foundry.testing.sample_repositories import commit_files, committed, git
from pte_foundry.testing.sample_trees import files_below, publish_tree, write_tree

REPOSITORY = "git+file:remote.git#branch=main"
INSTALLED = subprocess.run(["git", "lfs", "version"], capture_output=True, check=False)
needs_lfs = pytest.mark.skipif(INSTALLED.returncode != 0, reason="git-lfs is not installed")


def run(folder: Path, git_lfs: bool = True, **changes: object) -> None:
    publish_tree(folder, REPOSITORY, git_lfs=git_lfs, **changes)


def refused(folder: Path, git_lfs: bool = True) -> str:
    with pytest.raises(PteError) as caught:
        run(folder, git_lfs)
    return str(caught.value)


def test_a_pointer_as_git_lfs_writes_it() -> None:
    """The example of https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md."""
    sha256 = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
    expected = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize 12345\n"
    assert pointer(sha256, 12345) == expected.encode()
    assert pointed_at(expected.encode()) == sha256


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, pointer("0" * 64, 1) + b"x"])
def test_other_content_is_not_a_pointer(content: bytes) -> None:
    assert pointed_at(content) is None


def test_without_the_command(tmp_path: Path, remote: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(tmp_path / "tree")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").symlink_to(
        subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    )
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert refused(tmp_path).startswith("no-git-lfs: --tree-git-lfs needs the command `git lfs`")


@needs_lfs
def test_programs_are_pointers_and_their_files_on_the_server(tmp_path: Path, remote: Path) -> None:
    tree = write_tree(tmp_path / "tree")
    run(tmp_path)
    found = committed(remote)
    program = "1.4.1/toy/alpha_xnnpack.pte"
    sha256 = hashlib.sha256(b"fast").hexdigest()
    assert found[program] == pointer(sha256, 4)
    assert found["1.4.1/toy/labels.txt"] == b"cat\ncup"
    assert found[".gitattributes"].decode().splitlines() == ["* -text", LFS_LINE]
    # A consumer with git-lfs gets the programs themselves.
    git(tmp_path, "lfs", "install", "--skip-repo")
    git(tmp_path, "clone", "--quiet", "--branch", "main", remote.as_uri(), "consumer")
    expected = files_below(tree) | {".gitattributes": found[".gitattributes"]}
    assert files_below(tmp_path / "consumer") == expected
    assert git(tmp_path / "consumer", "status", "--porcelain") == ""


@needs_lfs
def test_the_next_release_uploads_new_files_only(tmp_path: Path, remote: Path) -> None:
    write_tree(tmp_path / "tree")
    run(tmp_path)
    run(tmp_path)
    assert git(remote, "rev-list", "--count", "main") == "2"
    write_tree(tmp_path / "tree", {"alpha_portable": b"portable", "alpha_xnnpack": b"faster"})
    assert "--tree-allow-changed" in refused(tmp_path)
    run(tmp_path, changed=True)
    stored = {path.name for path in (remote / "lfs/objects").rglob("*") if path.is_file()}
    contents = (b"portable", b"fast", b"faster")
    assert stored == {hashlib.sha256(content).hexdigest() for content in contents}


@needs_lfs
def test_a_repository_stays_with_git_lfs(tmp_path: Path, remote: Path) -> None:
    write_tree(tmp_path / "tree")
    run(tmp_path)
    write_tree(tmp_path / "tree", version="1.5.0")
    assert "its .pte files are in Git LFS. Pass --tree-git-lfs" in refused(tmp_path, git_lfs=False)


@needs_lfs
def test_a_repository_with_plain_programs(tmp_path: Path, remote: Path) -> None:
    write_tree(tmp_path / "tree")
    run(tmp_path, git_lfs=False)
    assert "that are not in Git LFS, such as 1.4.1/toy/alpha_portable.pte" in refused(tmp_path)


@needs_lfs
def test_attributes_without_git_lfs(tmp_path: Path, remote: Path) -> None:
    commit_files(remote, tmp_path / "work", {".gitattributes": "* -text\n"})
    write_tree(tmp_path / "tree")
    assert f"does not have the line `{LFS_LINE}`" in refused(tmp_path)

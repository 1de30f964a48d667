from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from workspace.errors import ToolError
from workspace.repository import find_repository


def git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture()
def checkout(tmp_path: Path) -> Path:
    for name in ("pants", "pants.toml", "deleted.py", "kept.py"):
        (tmp_path / name).write_text(name)
    (tmp_path / ".gitignore").write_text("ignored.py\n")
    git(tmp_path, "init")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "-m", "Start")
    return tmp_path


def test_files_are_those_of_the_working_tree(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not find_repository(checkout).modified
    (checkout / "deleted.py").unlink()
    (checkout / "ignored.py").write_text("")
    (checkout / "new").mkdir()
    (checkout / "new" / "füür.py").write_text("")
    monkeypatch.chdir(checkout / "new")
    repository = find_repository()
    assert repository.root == checkout
    assert [str(file) for file in repository.files] == [
        ".gitignore",
        "kept.py",
        "new/füür.py",
        "pants",
        "pants.toml",
    ]
    assert repository.modified
    assert len(repository.commit) == 40


def test_a_checkout_without_git_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pants").touch()
    (tmp_path / "pants.toml").touch()
    with pytest.raises(ToolError, match="ls-files.*failed"):
        find_repository(tmp_path)

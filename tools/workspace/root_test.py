from __future__ import annotations

import os
from pathlib import Path

import pytest

from workspace.errors import ToolError
from workspace.root import CALLER, ROOT, enter_callers_folder, find_root


@pytest.fixture()
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a folder in it."""
    root = tmp_path / "repository"
    (root / "a" / "b").mkdir(parents=True)
    for name in ("pants", "pants.toml"):
        (root / name).touch()
    # What is set for the whole process is undone at the end.
    monkeypatch.setenv(ROOT, "")
    monkeypatch.setenv(CALLER, "")
    monkeypatch.delenv(ROOT)
    monkeypatch.delenv(CALLER)
    monkeypatch.chdir(root)
    return root


def test_it_is_above_the_present_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / "a" / "b")
    assert find_root() == root


def test_elsewhere_there_is_none(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root.parent)
    with pytest.raises(ToolError, match="Run the command inside the repository"):
        find_root()


def test_it_is_known_in_the_callers_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CALLER, str(root.parent))
    enter_callers_folder()
    assert Path.cwd() == root.parent
    assert find_root() == root
    assert CALLER not in os.environ


def test_without_a_caller_nothing_is_entered(root: Path) -> None:
    enter_callers_folder()
    assert Path.cwd() == root
    assert ROOT not in os.environ


def test_a_callers_folder_that_is_gone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CALLER, str(root / "gone"))
    with pytest.raises(ToolError, match="gone: cannot be entered"):
        enter_callers_folder()

from __future__ import annotations

from pathlib import Path

import pytest

from pte_foundry.testing.sample_repositories import bare_repository, only_this_git


@pytest.fixture(autouse=True)
def git_config(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The only configuration of git in a test."""
    return only_this_git(monkeypatch, tmp_path_factory.mktemp("home"))


@pytest.fixture()
def remote(tmp_path: Path) -> Path:
    """The repository of `GIT`."""
    return bare_repository(tmp_path / "remote.git")

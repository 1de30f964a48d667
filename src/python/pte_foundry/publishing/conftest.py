from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from pte_foundry.testing import github_server, hub_server
from pte_foundry.testing.github_server import GithubServer, serve_github
from pte_foundry.testing.hub_server import HubServer, serve_hub
from pte_foundry.testing.sample_repositories import bare_repository, only_this_git


@pytest.fixture(autouse=True)
def git_config(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The only configuration of git in a test."""
    return only_this_git(monkeypatch, tmp_path_factory.mktemp("home"))


@pytest.fixture()
def remote(tmp_path: Path) -> Path:
    """The repository of `GIT`."""
    return bare_repository(tmp_path / "remote.git")


@pytest.fixture()
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GithubServer]:
    """The host of `github:ada/models`, and the token for it."""
    with serve_github() as server:
        monkeypatch.setenv("GITHUB_API_URL", f"{server.url}/api")
        monkeypatch.setenv("GITHUB_TOKEN", github_server.TOKEN)
        _no_proxy(monkeypatch)
        yield server


@pytest.fixture()
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    """The host of `hf:ada/models`, and the token for it."""
    with serve_hub() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_TOKEN", hub_server.TOKEN)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "home/token"))
        # Its storage speaks a protocol of its own, which this server does not.
        monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        _no_proxy(monkeypatch)
        yield server


def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")

from __future__ import annotations

import pytest

from workspace.user_caches import user_caches, user_pip_cache


def test_defaults_are_below_home() -> None:
    assert user_caches({"HOME": "/home/a", "XDG_CACHE_HOME": ""}) == {
        "PANTS_NAMED_CACHES_DIR": "/home/a/.cache/pants/named_caches",
        "PTE_FOUNDRY_CACHE": "/home/a/.cache/pte-foundry",
        "PYENV_ROOT": "/home/a/.pyenv",
    }
    moved = user_caches({"HOME": "/home/a", "XDG_CACHE_HOME": "/cache"})
    assert moved["PTE_FOUNDRY_CACHE"] == "/cache/pte-foundry"


def test_what_the_user_has_set_stays() -> None:
    chosen = {
        "PANTS_NAMED_CACHES_DIR": "/named",
        "PTE_FOUNDRY_CACHE": "/pte",
        "PYENV_ROOT": "/pyenv",
    }
    assert user_caches({"HOME": "/home/a", **chosen}) == chosen


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        ("linux", {}, "/home/a/.cache/pip"),
        ("linux", {"XDG_CACHE_HOME": "/cache"}, "/cache/pip"),
        ("darwin", {"XDG_CACHE_HOME": "/cache"}, "/home/a/Library/Caches/pip"),
        ("linux", {"XDG_CACHE_HOME": "/cache", "PIP_CACHE_DIR": "/mine"}, "/mine"),
    ],
)
def test_pips_cache(
    monkeypatch: pytest.MonkeyPatch, platform: str, environment: dict[str, str], folder: str
) -> None:
    monkeypatch.setattr("sys.platform", platform)
    assert user_pip_cache({"HOME": "/home/a", **environment}) == folder

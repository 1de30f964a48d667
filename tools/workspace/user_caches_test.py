from __future__ import annotations

from workspace.user_caches import user_caches


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

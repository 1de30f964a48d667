"""pants.remote-execution.toml uses the cache as pants.remote.toml does, and names the workers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomllib


def read(name: str) -> dict[str, Any]:
    return tomllib.loads(Path(name).read_text(encoding="utf-8"))


def test_the_cache_is_used_as_without_workers() -> None:
    settings, cache = read("pants.remote-execution.toml"), read("pants.remote.toml")
    added = settings["GLOBAL"].keys() - cache["GLOBAL"].keys()
    assert added == {"remote_execution"}
    assert {**settings["GLOBAL"], **cache["GLOBAL"]} == settings["GLOBAL"]


def test_the_environment_is_named() -> None:
    settings = read("pants.remote-execution.toml")
    names = settings["environments-preview"]["names"]
    assert names == {"workers": "//toolchains:workers"}
    assert settings["remote-runs"] == {"environment": "workers"}
    # Without the file there is none.
    assert "environments-preview" not in read("pants.toml")

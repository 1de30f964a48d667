from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from fetch_model.command.copy_out import copy_out
from pte_foundry.client.content import Content
from workspace.errors import ToolError

DATA = b"program"
CONTENT = Content(hashlib.sha256(DATA).hexdigest(), len(DATA))


@pytest.fixture()
def cached(tmp_path: Path) -> Path:
    path = tmp_path / "cached"
    path.write_bytes(DATA)
    return path


def test_a_copy_replaces_an_old_one(tmp_path: Path, cached: Path) -> None:
    folder = tmp_path / "new" / "folder"
    for _ in range(2):
        assert copy_out(cached, folder, "a.pte", CONTENT) == folder / "a.pte"
        assert [path.name for path in folder.iterdir()] == ["a.pte"]
        assert (folder / "a.pte").read_bytes() == DATA
        (folder / "a.pte").write_bytes(b"old")


def test_a_file_that_changed_is_not_copied(tmp_path: Path, cached: Path) -> None:
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "a.pte").write_bytes(b"old")
    cached.write_bytes(b"PROGRAM")
    with pytest.raises(ToolError, match="changed while"):
        copy_out(cached, tmp_path / "to", "a.pte", CONTENT)
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["a.pte"]
    assert (tmp_path / "to" / "a.pte").read_bytes() == b"old"


def test_a_folder_that_cannot_be_created_is_an_error(cached: Path) -> None:
    with pytest.raises(ToolError, match="Name another folder with --to"):
        copy_out(cached, cached, "a.pte", CONTENT)

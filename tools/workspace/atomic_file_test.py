from __future__ import annotations

import os
from pathlib import Path

import pytest

from workspace.atomic_file import replace_text, replacing


def test_the_content_is_replaced_and_the_permissions_stay(tmp_path: Path) -> None:
    file = tmp_path / "run"
    file.write_text("old")
    file.chmod(0o750)
    replace_text(file, "né\r\n")
    assert file.read_bytes() == "né\r\n".encode()
    assert file.stat().st_mode & 0o777 == 0o750
    assert os.listdir(tmp_path) == ["run"]


def test_a_new_file(tmp_path: Path) -> None:
    replace_text(tmp_path / "new", "text")
    assert (tmp_path / "new").read_text() == "text"


@pytest.mark.parametrize("error", [OSError("full"), KeyboardInterrupt()])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, error: BaseException
) -> None:
    file = tmp_path / "BUILD"
    file.write_text("old")
    with pytest.raises(type(error)), replacing(file) as temporary:
        # Pants reads `BUILD.*`.
        assert temporary.name.startswith(".") and temporary.parent == tmp_path
        temporary.write_text("ne")
        raise error
    assert file.read_text() == "old"
    assert os.listdir(tmp_path) == ["BUILD"]

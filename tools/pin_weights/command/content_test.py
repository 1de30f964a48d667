from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pin_weights.command.content import CheckpointContent, check_name, content_of_file
from workspace.errors import ToolError

CONTENT = CheckpointContent("7ebf99e0" + "0" * 56, 5)


def test_a_file_of_several_blocks(tmp_path: Path) -> None:
    data = bytes(range(256)) * 5000
    (tmp_path / "a.pth").write_bytes(data)
    expected = CheckpointContent(hashlib.sha256(data).hexdigest(), 1_280_000)
    assert content_of_file(tmp_path / "a.pth") == expected


def test_missing_and_empty_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="gone.pth: cannot be read: No such file"):
        content_of_file(tmp_path / "gone.pth")
    with pytest.raises(ToolError, match="cannot be read: Is a directory"):
        content_of_file(tmp_path)
    (tmp_path / "empty.pth").touch()
    with pytest.raises(ToolError, match="is empty"):
        content_of_file(tmp_path / "empty.pth")


@pytest.mark.parametrize(
    "name",
    ["mobilenet_v2-7ebf99e0.pth", "yolo11n.pt", "PE-Core-T16-384.pt", "yolo-seg.pt", "a-deadbeef"],
)
def test_names_that_fit_or_carry_no_hash(name: str) -> None:
    check_name(name, CONTENT)


@pytest.mark.parametrize("name", ["mobilenet_v2-7ebf99e1.pth", "a-00000000.tar.gz"])
def test_a_name_with_another_hash_is_refused(name: str) -> None:
    with pytest.raises(ToolError, match="the name says that the SHA-256 begins with"):
        check_name(name, CONTENT)

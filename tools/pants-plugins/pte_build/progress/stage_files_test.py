"""Stage files: what is read from them, and what is not."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from pte_build.progress.stage_files import (
    RequestKeys,
    Stage,
    read_stages,
    remove_old_files,
    stage_file,
)


def test_stages_in_their_order(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("10.000 loading\n12.500 lowering with a.b\n13.000 \n")
    stages = [Stage(10.0, "loading"), Stage(12.5, "lowering with a.b"), Stage(13.0, "")]
    assert read_stages(file, since=9.0) == stages
    assert read_stages(file, since=10.001) == stages[1:]
    assert read_stages(tmp_path / "nonesuch", since=0.0) == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"1.0 whole\n2.0 half of a li", ["whole"]),
        (b"no number\n1.0 good\n\n", ["good"]),
        (b"1.0 \x1b[31mred\n2.0 plain\n", ["plain"]),
        (b"1.0 \xff\n", []),
        (b"", []),
        (b"1.0 " + b"x" * 1000 + b"\n", ["x" * 200]),
    ],
)
def test_what_no_process_of_ours_would_write(
    tmp_path: Path, content: bytes, expected: list[str]
) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    assert [stage.name for stage in read_stages(file, since=0.0)] == expected


def test_a_description_can_have_had_several_requests() -> None:
    keys = RequestKeys()
    for request in (b"one", b"two", b"one"):
        keys.add("Export a:b", request)
    assert keys.of("Export a:b") == tuple(
        hashlib.sha256(request).hexdigest() for request in (b"one", b"two")
    )
    assert keys.of("Export a:c") == ()


def test_a_file_belongs_to_one_pants_process(tmp_path: Path) -> None:
    assert stage_file(tmp_path, "0a", 1) == tmp_path / "0a-1"


def test_only_old_files_are_removed(tmp_path: Path) -> None:
    for name, modified in (("old", 1_000_000), ("new", 1_080_000)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (modified, modified))
    remove_old_files(tmp_path, now=1_090_000)
    assert [file.name for file in tmp_path.iterdir()] == ["new"]
    remove_old_files(tmp_path / "nonesuch", now=1_090_000)

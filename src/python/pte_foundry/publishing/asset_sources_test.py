from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from pte_foundry.publishing.asset_sources import (
    HashedReader,
    fetched_source,
    file_source,
    has_content,
    text_source,
)

CONTENT = b"0123456789"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture()
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return path


def test_a_text_and_a_file_with_it(file: Path) -> None:
    for source in (text_source(CONTENT), file_source(file, None), file_source(file, SHA256)):
        assert (source.size, source.sha256) == (len(CONTENT), SHA256)
        for _ in range(2):  # An upload that breaks begins anew.
            with source.open() as opened:
                assert opened.read() == CONTENT


def test_a_symlink_in_place_of_a_file_is_not_followed(file: Path) -> None:
    source = file_source(file, SHA256)
    other = file.with_name("other")
    file.rename(other)
    file.symlink_to(other)
    with pytest.raises(OSError, match="symbolic links"):
        source.open()
    assert not has_content(file, SHA256)
    assert has_content(other, SHA256)
    assert not has_content(other, "0" * 64)
    assert not has_content(file.with_name("absent"), SHA256)


def test_what_is_fetched_takes_no_space_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "scratch/file"
    calls: list[int] = []

    def fetch(file: object) -> None:
        calls.append(1)
        file.write(CONTENT)  # type: ignore[attr-defined]

    source = fetched_source(len(CONTENT), SHA256, path, fetch)
    assert calls == []
    for _ in range(2):
        with source.open() as opened:
            assert opened.read() == CONTENT
        assert os.listdir(path.parent) == []
    assert calls == [1, 1]


def test_what_was_read_is_hashed(file: Path) -> None:
    with file.open("rb") as opened:
        reader = HashedReader(opened)
        assert reader.read(4) + reader.read(4) == CONTENT[:8]
        assert reader.sha256 == hashlib.sha256(CONTENT[:8]).hexdigest()
        assert reader.read() == CONTENT[8:]
        assert reader.sha256 == SHA256

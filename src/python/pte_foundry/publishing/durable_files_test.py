from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.publishing.durable_files import copy_file, link_or_copy, write_bytes

SHA256 = hashlib.sha256(b"content").hexdigest()


@pytest.fixture()
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(b"content")
    return path


def test_a_copy_is_read_only_and_on_the_disk(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bytes] = []
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: synced.append(Path(f"/dev/fd/{descriptor}").read_bytes())
    )
    copy_file(source, tmp_path / "copy", SHA256)
    write_bytes(tmp_path / "written", b"text")
    assert synced == [b"content", b"text"]
    for name, content in (("copy", b"content"), ("written", b"text")):
        assert (tmp_path / name).read_bytes() == content
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o444


def test_other_content_than_expected(tmp_path: Path, source: Path) -> None:
    with pytest.raises(PteError, match=f"has SHA-256 {SHA256} now and had {'0' * 64}"):
        copy_file(source, tmp_path / "copy", "0" * 64)


def test_a_symlink_is_not_followed(tmp_path: Path, source: Path) -> None:
    (tmp_path / "link").symlink_to(source)
    with pytest.raises(OSError, match="symbolic links"):
        copy_file(tmp_path / "link", tmp_path / "copy", SHA256)
    assert not (tmp_path / "copy").exists()


def test_nothing_is_overwritten(tmp_path: Path, source: Path) -> None:
    (tmp_path / "there").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        copy_file(source, tmp_path / "there", SHA256)
    with pytest.raises(FileExistsError):
        write_bytes(tmp_path / "there", b"x")
    with pytest.raises(FileExistsError):
        link_or_copy(source, tmp_path / "there", SHA256)
    assert (tmp_path / "there").read_bytes() == b"mine"


def test_a_link(tmp_path: Path, source: Path) -> None:
    link_or_copy(source, tmp_path / "link", SHA256)
    assert os.path.samefile(source, tmp_path / "link")

"""What the assets of a release are to hold: files, texts, and assets of an older release."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pte_foundry.publishing.tree_folder import file_sha256


@dataclass(frozen=True)
class AssetSource:
    """`open` begins to read it, and may have to fetch it first."""

    size: int
    sha256: str
    open: Callable[[], BinaryIO]


class HashedReader:
    """A file that remembers the SHA-256 of what was read of it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._digest = file, hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        block = self._file.read(size)
        self._digest.update(block)
        return block

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def text_source(content: bytes) -> AssetSource:
    sha256 = hashlib.sha256(content).hexdigest()
    return AssetSource(len(content), sha256, lambda: io.BytesIO(content))


def file_source(path: Path, sha256: str | None) -> AssetSource:
    """A file with this SHA-256, or, if that is None, with the one that it has now."""

    def open_it() -> BinaryIO:
        # A symlink may have replaced the file in the meantime.
        return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb")

    return AssetSource(path.stat().st_size, sha256 or file_sha256(path), open_it)


def fetched_source(
    size: int, sha256: str, path: Path, fetch: Callable[[BinaryIO], object]
) -> AssetSource:
    """What `fetch` writes to a file that it is given, `path`, which takes up space only while it is read."""

    def open_it() -> BinaryIO:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            fetch(file)
        opened = path.open("rb")
        path.unlink()
        return opened

    return AssetSource(size, sha256, open_it)


def has_content(path: Path, sha256: str | None) -> bool:
    """Whether it is a file with this SHA-256, and no symlink."""
    return path.is_file() and not path.is_symlink() and file_sha256(path) == sha256

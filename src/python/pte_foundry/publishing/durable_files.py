"""Put files into a release's folder so that they survive a power cut, block by block."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import BinaryIO

from pte_foundry.errors import PteError
from pte_foundry.publishing.tree_folder import BLOCK

# A published file never changes again, and may have hard links in several releases.
_MODE = 0o444
_FOLDER_MODE = 0o755


def copy_file(source: Path, destination: Path, sha256: str | None) -> None:
    """Copy a file to the disk and compare the SHA-256 of what was copied, if one is given.

    Raises:
        PteError: `bad-tree` if it is another one: the file has changed since it was checked.
        OSError: if it cannot be read or written, e.g. ENOSPC.
    """
    digest = hashlib.sha256()
    # No symlink is followed, which could have taken the file's place in the meantime.
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW)
    with open(descriptor, "rb") as reader, destination.open("xb") as writer:
        while block := reader.read(BLOCK):
            digest.update(block)
            writer.write(block)
        _to_disk(writer)
    if sha256 is not None and digest.hexdigest() != sha256:
        raise PteError(
            "bad-tree",
            f"{source} has SHA-256 {digest.hexdigest()} now and had {sha256} before. Nothing may "
            "write to the tree while it is published: try again",
        )


def write_bytes(destination: Path, content: bytes) -> None:
    """Write a new file to the disk. Raises OSError."""
    with destination.open("xb") as writer:
        writer.write(content)
        _to_disk(writer)


def link_or_copy(source: Path, destination: Path, sha256: str | None) -> None:
    """A hard link to a published file, or a copy where the file system has none.

    Raises:
        PteError, OSError: as `copy_file`.
    """
    try:
        os.link(source, destination, follow_symlinks=False)
    except OSError:
        copy_file(source, destination, sha256)


def open_to_readers(folder: Path) -> None:
    """Let everybody read a folder and nobody but its owner write to it, whatever umask the caller has."""
    folder.chmod(_FOLDER_MODE | folder.stat().st_mode & stat.S_ISGID)


def sync_folder(folder: Path) -> None:
    """Bring a folder's own entries to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _to_disk(writer: BinaryIO) -> None:
    writer.flush()
    os.fchmod(writer.fileno(), _MODE)
    os.fsync(writer.fileno())

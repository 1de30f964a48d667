"""Write files that survive a power cut, and explain why one could not be written."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pte_foundry.errors import PteError
from pte_foundry.publishing.tree_folder import BLOCK

# A published file never changes again, and may have hard links in several releases.
_MODE = 0o444
_FOLDER_MODE = 0o755


@contextmanager
def writing(what: str) -> Iterator[None]:
    """Raise an OSError of the `with` block as a PteError, `disk-full` or `cannot-write`, about `what`."""
    try:
        yield
    except OSError as error:
        file = f": {error.filename}" if error.filename else ""
        about = f"{what}: {error.strerror or error}{file}. What was published before is untouched"
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise PteError("disk-full", f"{about}: free some space, and try again") from error
        raise PteError("cannot-write", f"{about}: fix this, and try again") from error


def copy_file(source: Path, destination: Path, sha256: str | None) -> None:
    """Copy a file to the disk, and compare the SHA-256 of the copy if one is given.

    Raises:
        PteError: `bad-tree` if the file has changed since it was checked.
        OSError: it cannot be read or written, e.g. ENOSPC.
    """
    digest = hashlib.sha256()
    # A symlink may have replaced the file in the meantime.
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW)
    with open(descriptor, "rb") as reader, destination.open("xb") as writer:
        while block := reader.read(BLOCK):
            digest.update(block)
            writer.write(block)
        _seal(writer)
    if sha256 is not None and digest.hexdigest() != sha256:
        raise PteError(
            "bad-tree",
            f"{source} has SHA-256 {digest.hexdigest()} now and had {sha256} before. Nothing may "
            "write to the tree while it is being published: try again",
        )


def write_bytes(destination: Path, content: bytes) -> None:
    """Write a new file to the disk. Raises OSError."""
    with destination.open("xb") as writer:
        writer.write(content)
        _seal(writer)


def link_or_copy(source: Path, destination: Path, sha256: str | None) -> None:
    """Make a hard link to a published file, or else a copy. Raises what `copy_file` raises."""
    try:
        os.link(source, destination, follow_symlinks=False)
    except OSError:
        copy_file(source, destination, sha256)


def open_to_readers(folder: Path) -> None:
    """Let everyone read a folder and only its owner write to it, whatever the umask."""
    folder.chmod(_FOLDER_MODE | folder.stat().st_mode & stat.S_ISGID)


def sync_folder(folder: Path) -> None:
    """Sync a folder's entries to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _seal(writer: BinaryIO) -> None:
    """Make a file read-only and sync it to the disk."""
    writer.flush()
    os.fchmod(writer.fileno(), _MODE)
    os.fsync(writer.fileno())

"""Open, make and remove files in a folder that others may write to.

They can plant links, pipes and folders under the names that we will use, so no name is trusted to be our file.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from io import BufferedReader, BufferedWriter
from pathlib import Path

# Windows has none of the first three, and translates line breaks without the last one.
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # Opening a pipe would wait for a writer.
_NO_INHERIT = getattr(os, "O_CLOEXEC", 0)
_BINARY = getattr(os, "O_BINARY", 0)


def open_regular(path: Path, *, follow: bool = False) -> BufferedReader:
    """Open a file to read it.

    Args:
        follow: allow a symbolic link to a file, as in some checkouts.

    Raises:
        OSError: it cannot be opened, or is a link, a folder, a pipe or a device.
    """
    flags = os.O_RDONLY | _NO_WAIT | _NO_INHERIT | _BINARY | (0 if follow else _NO_FOLLOW)
    descriptor = os.open(path, flags)
    _check(path, descriptor, ours=False)
    return os.fdopen(descriptor, "rb")


def open_to_append(path: Path) -> BufferedWriter:
    """Open an existing file that is ours alone. Raises OSError as `open_regular` does, and if it has another name."""
    flags = os.O_WRONLY | os.O_APPEND | _NO_WAIT | _NO_INHERIT | _BINARY | _NO_FOLLOW
    descriptor = os.open(path, flags)
    _check(path, descriptor, ours=True)
    return os.fdopen(descriptor, "ab")


def create(path: Path) -> BufferedWriter:
    """Make a new file at `path` and open it to write; whatever has that name is removed first."""
    remove(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_INHERIT | _BINARY | _NO_FOLLOW
    return os.fdopen(os.open(path, flags, 0o644), "wb")


def remove(path: Path) -> None:
    """Remove a file, link or pipe, or a folder with its content; never the target of a link."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Make a folder unless it exists. Raises OSError for anything else there, even a link to a folder."""
    path.mkdir(parents=True, exist_ok=True)
    if not stat.S_ISDIR(path.lstat().st_mode):
        raise OSError(errno.ENOTDIR, "is a link; remove it", str(path))


def is_only_name(path: Path) -> bool:
    """Whether `path` is a regular file without another name, or absent."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return True
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1


def is_ours(status: os.stat_result) -> bool:
    """Whether this (from `lstat` or `fstat`) is our own folder, or our own file without another name."""
    if os.name != "posix":
        return True  # Elsewhere the mode does not say who may write.
    only_name = stat.S_ISDIR(status.st_mode) or status.st_nlink == 1
    return only_name and status.st_uid == os.geteuid()


def is_private(status: os.stat_result) -> bool:
    """Whether nobody but us and the administrator can write to this file or folder."""
    if os.name != "posix":
        return True
    return status.st_uid in (0, os.geteuid()) and not status.st_mode & 0o022


def _check(path: Path, descriptor: int, *, ours: bool) -> None:
    """Close the descriptor and raise OSError unless it is a regular file, and our own if `ours`."""
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "is not a regular file", str(path))
        if ours and not is_ours(status):
            raise OSError(errno.EPERM, "is not our own file", str(path))
    except BaseException:
        os.close(descriptor)
        raise

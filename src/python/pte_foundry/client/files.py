"""Open, make and remove files of a folder that others may write to: no name in it is trusted to be a file of ours.

Who may write to a cache can plant links, pipes and folders in it under the names that it will use.
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
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # A pipe would wait for who writes to it.
_NO_INHERIT = getattr(os, "O_CLOEXEC", 0)
_BINARY = getattr(os, "O_BINARY", 0)


def open_regular(path: Path, *, follow: bool = False) -> BufferedReader:
    """Open a file to read it.

    Args:
        follow: also if it is a symbolic link to a file, as a checkout of somebody else's may have.

    Raises:
        OSError: it cannot be opened, or is a link, a folder, a pipe or a device.
    """
    flags = os.O_RDONLY | _NO_WAIT | _NO_INHERIT | _BINARY | (0 if follow else _NO_FOLLOW)
    descriptor = os.open(path, flags)
    _check(path, descriptor, ours=False)
    return os.fdopen(descriptor, "rb")


def open_to_append(path: Path) -> BufferedWriter:
    """Open a file that is there and is ours alone. Raises OSError as `open_regular`, and for another name of a file."""
    flags = os.O_WRONLY | os.O_APPEND | _NO_WAIT | _NO_INHERIT | _BINARY | _NO_FOLLOW
    descriptor = os.open(path, flags)
    _check(path, descriptor, ours=True)
    return os.fdopen(descriptor, "ab")


def create(path: Path) -> BufferedWriter:
    """Make a file of ours at `path` and open it to write; whatever has the name is removed, not written to."""
    remove(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_INHERIT | _BINARY | _NO_FOLLOW
    return os.fdopen(os.open(path, flags, 0o644), "wb")


def remove(path: Path) -> None:
    """Remove a file, link or pipe, or a folder with all that is in it; nothing that a link leads to."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Make a folder if there is none. Raises OSError if there is something else, a link to a folder included."""
    path.mkdir(parents=True, exist_ok=True)
    if not stat.S_ISDIR(path.lstat().st_mode):
        raise OSError(errno.ENOTDIR, "is a link; remove it", str(path))


def is_only_name(path: Path) -> bool:
    """Whether there is a regular file that goes by no other name, or nothing."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return True
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1


def is_ours(status: os.stat_result) -> bool:
    """Whether this is a file or folder that nobody else could have put there under another name.

    status: of `lstat` or `fstat`.
    """
    if os.name != "posix":
        return True  # There, who may write to a folder is not in the mode.
    only_name = stat.S_ISDIR(status.st_mode) or status.st_nlink == 1
    return only_name and status.st_uid == os.geteuid()


def is_private(status: os.stat_result) -> bool:
    """Whether nobody but us and the administrator can write to this file or folder."""
    if os.name != "posix":
        return True
    return status.st_uid in (0, os.geteuid()) and not status.st_mode & 0o022


def _check(path: Path, descriptor: int, *, ours: bool) -> None:
    """Close the descriptor and raise OSError if it is not of a regular file, or if it has to be ours and is not."""
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "is no regular file", str(path))
        if ours and not is_ours(status):
            raise OSError(errno.EPERM, "is not a file of our own", str(path))
    except BaseException:
        os.close(descriptor)
        raise

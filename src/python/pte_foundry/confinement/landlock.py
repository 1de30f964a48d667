"""Landlock: a process and its children give up access to all files but those below chosen folders.

Linux 5.13 and later, for any user, where the kernel has it enabled
(https://docs.kernel.org/userspace-api/landlock.html). Folders can still be entered, and attributes of
files read. TCP is refused from Linux 6.7 on, signals to other processes and their abstract Unix sockets
from Linux 6.12 on.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pte_foundry.confinement.kernel import PR_SET_NO_NEW_PRIVS, check, libc, prctl

# The same on every architecture (asm-generic/unistd.h).
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1  # LANDLOCK_CREATE_RULESET_VERSION
_PATH_BENEATH = 1
# linux/landlock.h
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_MAKE_REG = 1 << 8
_FIRST_VERSIONS_RIGHTS = (1 << 13) - 1
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_RIGHTS_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_DEVICES = (1 << 6) | (1 << 11)  # MAKE_CHAR, MAKE_BLOCK
_TCP = 0b11  # bind and connect
_SCOPES = 0b11  # abstract Unix sockets and signals


@dataclass(frozen=True)
class Access:
    """What stays allowed. Links are followed, missing paths ignored.

    Attributes:
        read: folders, and files, to read and execute.
        change: the same, and also to write, and to create and remove entries below.
        write_only: folders to write new files in without reading them, and devices.
    """

    read: Iterable[Path]
    change: Iterable[Path]
    write_only: Iterable[Path]


def restrict_files(access: Access) -> None:
    """Give up everything else, for good.

    Raises:
        OSError: the kernel has no Landlock or does not allow it; nothing has changed.
    """
    version = landlock_version()
    handled = _FIRST_VERSIONS_RIGHTS
    handled |= (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    rules = _create_ruleset(handled, version)
    try:
        reading = _EXECUTE | _READ_FILE | _READ_DIR
        for paths, rights in (
            (access.read, reading),
            (access.change, handled & ~_DEVICES),
            (access.write_only, handled & (_WRITE_FILE | _TRUNCATE | _MAKE_REG)),
        ):
            for path in paths:
                _allow(rules, path, rights)
        # The kernel requires it, since a set-user-ID program could regain rights.
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        check(libc().syscall(_RESTRICT_SELF, rules, 0))
    finally:
        os.close(rules)


def landlock_version() -> int:
    """The kernel's version of Landlock: 3 can refuse truncation, 4 TCP, 6 signals and abstract sockets.

    Raises:
        OSError: the kernel has no Landlock.
    """
    return check(libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION))


def _create_ruleset(files: int, version: int) -> int:
    # struct landlock_ruleset_attr, which later versions have extended.
    known = [files, *([_TCP] if version >= 4 else []), *([_SCOPES] if version >= 6 else [])]
    fields = (ctypes.c_uint64 * len(known))(*known)
    size = ctypes.c_size_t(ctypes.sizeof(fields))
    return check(libc().syscall(_CREATE_RULESET, ctypes.byref(fields), size, 0))


class _PathBeneath(ctypes.Structure):
    """struct landlock_path_beneath_attr."""

    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def _allow(rules: int, path: Path, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    try:
        rule = _PathBeneath(rights if path.is_dir() else rights & _RIGHTS_OF_FILES, place)
        check(libc().syscall(_ADD_RULE, rules, _PATH_BENEATH, ctypes.byref(rule), 0))
    finally:
        os.close(place)

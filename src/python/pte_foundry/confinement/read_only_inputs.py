"""Protect inputs by mounting them read-only on themselves, in a mount namespace.

A large input is a hard link to a file of the build's store: writing to it would change the input of
every later process. Its mode prevents that for ordinary users, but not for root.
"""

from __future__ import annotations

import os
from pathlib import Path

from pte_foundry.confinement.kernel import (
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    keep_mounts_private,
    mount,
)

# A user namespace may not remove these; statvfs has the same numbers for them.
_KEPT = MS_NOSUID | MS_NODEV | MS_NOEXEC


def make_inputs_read_only(sandbox: Path, except_for: Path) -> None:
    """Mount the folders in `sandbox`, and its files with other hard links, read-only on themselves.

    A file with one link is a copy or an earlier output, a folder without files is for outputs, symbolic
    links lead to caches. For a process in a new mount namespace.

    Raises:
        OSError: a mount is refused; some inputs may be read-only already.
    """
    keep_mounts_private()
    for entry in sorted(os.scandir(sandbox), key=lambda entry: entry.name):
        if entry.is_symlink() or entry.path == str(except_for):
            continue
        if _has_files(entry.path) if entry.is_dir() else entry.stat().st_nlink > 1:
            _mount_read_only(os.fsencode(entry.path))


def _has_files(folder: str) -> bool:
    return any(files for _, _, files in os.walk(folder))


def _mount_read_only(path: bytes) -> None:
    kept = os.statvfs(path).f_flag & _KEPT
    mount(path, path, MS_BIND | MS_REC)
    mount(None, path, MS_REMOUNT | MS_BIND | MS_RDONLY | kept)

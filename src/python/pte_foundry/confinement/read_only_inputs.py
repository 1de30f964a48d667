"""Inputs that cannot be written to: read-only mounts of themselves, in a mount namespace.

A large input is a hard link to the file that the build's store has: who writes into it changes the
input of every later process. Its mode keeps ordinary users from it, but not root.
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

# A user namespace may not take these away; statvfs has the same numbers for them.
_KEPT = MS_NOSUID | MS_NODEV | MS_NOEXEC


def make_inputs_read_only(sandbox: Path, except_for: Path) -> None:
    """Mount the folders in `sandbox`, and the files there that have other links, read-only on themselves.

    A file with one link is a copy, or an output of an earlier run. A folder without a file is where
    outputs are expected. Symbolic links lead to caches.
    For a process that is in a mount namespace of its own.

    Raises:
        OSError: if a mount is refused; then some inputs are read-only and some are not.
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

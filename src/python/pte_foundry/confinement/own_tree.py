"""A file system with only what a process may use, at the usual paths.

It covers what Landlock does not: modes, owners, times and extended attributes of other files, and the
sockets in `/run`, `/tmp` and home folders. For a process in a new mount namespace.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from pte_foundry.confinement.kernel import (
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    check,
    keep_mounts_private,
    libc,
    mount,
)
from pte_foundry.confinement.landlock import Access

_MNT_DETACH = 2  # linux/fs.h
_MOST_LINKS = 40  # MAXSYMLINKS
# Where the machine's files are while the tree is made.
_MACHINE = "/.machine"
_PROC = "/proc"
# Without these, shells have no `<(...)`, and programs no `/dev/stdout`.
_LINKS = {
    "/dev/fd": "/proc/self/fd",
    "/dev/stdin": "/proc/self/fd/0",
    "/dev/stdout": "/proc/self/fd/1",
    "/dev/stderr": "/proc/self/fd/2",
}
# By their names in proc_pid_mountinfo(5).
_KEPT = {"ro": MS_RDONLY, "nosuid": MS_NOSUID, "nodev": MS_NODEV, "noexec": MS_NOEXEC}


def enter_own_tree(sandbox: Path, access: Access) -> bool:
    """Replace the root folder, for good, by a tree of what `access` names; only what may change is writable.

    Returns:
        Whether `/proc` shows only this PID namespace. Containers that hide parts of `/proc` refuse that
        to ordinary users; then it is the machine's, read-only.

    Raises:
        OSError: a mount is refused; nothing has changed.
    """
    keep_mounts_private()
    here = os.fsencode(sandbox)
    mount(b"tmpfs", here, MS_NOSUID | MS_NODEV, b"tmpfs", b"mode=755,size=1m")
    try:
        os.mkdir(here + os.fsencode(_MACHINE), 0o700)
        _pivot_root(here, here + os.fsencode(_MACHINE))
    except OSError:
        _detach(here)
        raise
    os.chdir("/")
    try:
        own_processes = _fill(sandbox, access)
    except OSError:
        # Undo: mount the machine's root over the tree, and detach the tree.
        os.chdir(_MACHINE)
        _pivot_root(b".", b".")
        _detach(b".")
        os.chdir(sandbox)
        raise
    _detach(os.fsencode(_MACHINE))
    os.rmdir(_MACHINE)
    mount(None, b"/", MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)
    os.chdir(sandbox)
    return own_processes


def _fill(sandbox: Path, access: Access) -> bool:
    changing = _real_paths(sandbox, [*access.change, *access.write_only])
    # A device that is mounted read-only can still be written to, but its mode cannot be changed.
    changing = [path for path in changing if not _is_device(path)]
    reading = _real_paths(sandbox, access.read)
    if "/" in reading or "/" in changing:
        raise OSError(0, "the whole machine is requested")
    for path in _outermost(reading):
        if path != _PROC and not _is_below(path, changing):
            _show(path)
    for path in _outermost(changing):
        _show(path)
    own_processes = _show_processes()
    for path, target in _LINKS.items():
        _link(path, target)
    _seal(changing)
    return own_processes


def _real_paths(sandbox: Path, paths: Iterable[Path]) -> list[str]:
    """The paths without links; missing and unreachable ones are ignored, as by Landlock."""
    found = []
    for path in paths:
        try:
            found.append(_follow(str(sandbox / path)))
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
    return found


def _follow(path: str) -> str:
    """The path on the machine without links. Links on the way to it are made in the tree."""
    parts, real, links = path.split("/")[::-1], "", 0
    while parts:
        part = parts.pop()
        if part in ("", "."):
            continue
        if part == "..":
            real = os.path.dirname(real) if real.count("/") > 1 else ""
            continue
        here = f"{real}/{part}"
        if not stat.S_ISLNK(os.lstat(_MACHINE + here).st_mode):
            real = here
            continue
        links += 1
        if links > _MOST_LINKS:
            raise FileNotFoundError(path)
        target = os.readlink(_MACHINE + here)
        _link(here, target)
        parts.extend(target.split("/")[::-1])
        if target.startswith("/"):
            real = ""
    return real or "/"


def _link(path: str, target: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if not os.path.lexists(path):
        os.symlink(target, path)


def _show(path: str) -> None:
    """Mount the machine's file or folder at the same path."""
    source = _MACHINE + path
    if not os.path.lexists(path):
        if os.path.isdir(source):
            os.makedirs(path)
        else:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
    mount(os.fsencode(source), os.fsencode(path), MS_BIND | MS_REC)


def _show_processes() -> bool:
    os.mkdir(_PROC)
    flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC
    try:
        mount(b"proc", os.fsencode(_PROC), flags, b"proc")
    except PermissionError:
        _show(_PROC)
        return False
    return True


def _seal(changing: list[str]) -> None:
    """Make every mount outside `changing` read-only, and disable set-user-ID programs in all."""
    mounts = Path(f"{_MACHINE}{_PROC}/self/mountinfo").read_text("utf-8", "surrogateescape")
    for line in mounts.splitlines():
        fields = line.split(" ")
        path, options = _unescaped(fields[4]), fields[5].split(",")
        if path == "/" or _is_below(path, [_MACHINE]):
            continue
        # A user namespace may not remove any of these.
        flags = sum(flag for name, flag in _KEPT.items() if name in options) | MS_NOSUID
        flags |= 0 if _is_device(path) else MS_NODEV
        flags |= 0 if _is_below(path, changing) else MS_RDONLY
        mount(None, os.fsencode(path), MS_REMOUNT | MS_BIND | flags)


def _unescaped(path: str) -> str:
    for character in " \t\n\\":
        path = path.replace(f"\\{ord(character):03o}", character)
    return path


def _outermost(paths: list[str]) -> list[str]:
    kept: list[str] = []
    for path in sorted(set(paths)):
        if not _is_below(path, kept):
            kept.append(path)
    return kept


def _is_below(path: str, folders: list[str]) -> bool:
    return any(path == folder or path.startswith(folder + "/") for folder in folders)


def _is_device(path: str) -> bool:
    return stat.S_ISCHR(os.stat(_MACHINE + path).st_mode)


def _pivot_root(new: bytes, old: bytes) -> None:
    check(libc().pivot_root(new, old))


def _detach(path: bytes) -> None:
    check(libc().umount2(path, _MNT_DETACH))

"""Linux system calls that Python 3.11 has no function for."""

from __future__ import annotations

import ctypes
import functools
import os

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PR_SET_NO_NEW_PRIVS = 38

# linux/mount.h
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20, 0x1000, 0x4000, 0x40000


@functools.cache
def libc() -> ctypes.CDLL:
    """The C library of this process, with `errno` kept for `check`."""
    return ctypes.CDLL(None, use_errno=True)


def check(result: int) -> int:
    """Return the result of a C function; raises OSError if it is negative."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def prctl(option: int, value: int) -> None:
    """prctl(2); raises OSError if it is refused."""
    zeros = (ctypes.c_ulong(0),) * 3
    check(libc().prctl(option, ctypes.c_ulong(value), *zeros))


def mount(
    source: bytes | None,
    target: bytes,
    flags: int,
    kind: bytes | None = None,
    options: bytes | None = None,
) -> None:
    """mount(2); raises OSError if it is refused."""
    check(libc().mount(source, target, kind, ctypes.c_ulong(flags), options))


def keep_mounts_private() -> None:
    """Hide new mounts from other mount namespaces; raises OSError if that is refused."""
    mount(None, b"/", MS_REC | MS_PRIVATE)


def has_one_thread() -> bool:
    """Whether this process has one thread: others would keep what this one gives up."""
    return len(os.listdir("/proc/self/task")) == 1

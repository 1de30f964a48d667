"""Calls of the Linux kernel that Python 3.11 has no function for."""

from __future__ import annotations

import ctypes
import os

PR_SET_NO_NEW_PRIVS = 38  # linux/prctl.h


def libc() -> ctypes.CDLL:
    """The C library of this process, with `errno` kept for `check`."""
    return ctypes.CDLL(None, use_errno=True)


def check(result: int) -> int:
    """Return what a C function returned; raises OSError if that is negative."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def has_one_thread() -> bool:
    """Whether this process has no second thread, which would keep what this one gives up."""
    return len(os.listdir("/proc/self/task")) == 1

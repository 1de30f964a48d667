"""The descendants of a child process, which end with it.

A process group reaches only processes that stay in it. So this process adopts orphans (PR_SET_CHILD_SUBREAPER, man 2
prctl): when a child dies, whatever it leaves behind becomes a child of this process, in any session, and is ended in
turn. Linux only; elsewhere the process group has to suffice.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

_SET_CHILD_SUBREAPER, _SET_PDEATHSIG = 36, 1  # linux/prctl.h
_SECONDS = 10.0
_PAUSE = 0.005


def adopt_orphans() -> None:
    """Make this process, for good, the parent of processes that its descendants leave behind."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def die_with(parent: int) -> None:
    """Have this process killed when its parent dies. On systems other than Linux, the CPU limit has to suffice."""
    _prctl(_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def children() -> frozenset[int]:
    """Of this process, zombies included; empty where the system has no such list."""
    found: set[int] = set()
    for file in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            found |= set(map(int, file.read_text("ascii").split()))
    return frozenset(found)


def end_children(known: frozenset[int]) -> None:
    """Kill and collect all children but the known ones, until there are no more.

    Gives up after `_SECONDS` on processes that multiply faster than they can be killed.
    """
    deadline = time.monotonic() + _SECONDS
    while (strangers := children() - known) and time.monotonic() < deadline:
        for pid in strangers:
            # Only this process collects it, so the number is still valid.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in strangers:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        time.sleep(_PAUSE)


def _prctl(option: int, value: int) -> None:
    """Does nothing on systems without this call."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(option, value, 0, 0, 0)

"""What a child has started, and what that has started: all of it ends with the child.

A process group reaches only those that stay in it. So this process becomes the one that orphans are given to
(PR_SET_CHILD_SUBREAPER, man 2 prctl): when a child is dead, what it has left behind is a child of this process, in
whatever session it may be, and is ended in turn. Linux only; elsewhere the process group has to do.
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
    """Make this process, for good, the parent of what its descendants leave behind."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def die_with(parent: int) -> None:
    """Have this process killed when its parent is. Elsewhere than on Linux the limit of CPU time has to do."""
    _prctl(_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def children() -> frozenset[int]:
    """Of this process, zombies included; none where the system does not tell."""
    found: set[int] = set()
    for file in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            found |= set(map(int, file.read_text("ascii").split()))
    return frozenset(found)


def end_children(known: frozenset[int]) -> None:
    """Kill and collect all children but the known ones, until there are no more.

    What multiplies faster than it can be killed is given up after `_SECONDS`.
    """
    deadline = time.monotonic() + _SECONDS
    while (strangers := children() - known) and time.monotonic() < deadline:
        for pid in strangers:
            # Nobody else collects it, so that the number is still its own.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in strangers:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        time.sleep(_PAUSE)


def _prctl(option: int, value: int) -> None:
    """Nothing where there is no such call."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(option, value, 0, 0, 0)

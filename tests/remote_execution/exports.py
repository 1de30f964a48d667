"""What runs on workers of this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_SECONDS = 120.0


def exports() -> list[str]:
    """The processes of exports."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            command = file.read_bytes()
            if b"worker_run.py\0" in command and b"pte_foundry.exporting.main\0" in command:
                found.append(file.parent.name)
    return found


def wait_until(condition: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + _SECONDS
    while not condition():
        assert time.monotonic() < end, otherwise
        time.sleep(0.2)

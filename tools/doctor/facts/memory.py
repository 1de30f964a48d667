"""How much memory a new process can have."""

from __future__ import annotations

import os
import re
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")  # Of a container, version 2 of the interface.


def available_memory(meminfo: Path = _MEMINFO, cgroup: Path = _CGROUP) -> int:
    """Bytes: what Linux calls available, or less if a container limits it; elsewhere all memory."""
    match = re.search(r"^MemAvailable:\s+([0-9]+) kB$", _text(meminfo), re.MULTILINE)
    if match is None:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    free = int(match[1]) * 1024
    limit, used = _text(cgroup / "memory.max").strip(), _text(cgroup / "memory.current").strip()
    if limit.isdigit() and used.isdigit():
        return min(free, max(0, int(limit) - int(used)))
    return free


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""

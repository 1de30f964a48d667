"""The daemons (pantsd) of a checkout."""

from __future__ import annotations

import subprocess
from pathlib import Path


def running_daemons(root: Path) -> list[int]:
    """Process ids, except numbers in pid files that now belong to other processes."""
    found = []
    for pid_file in root.glob(".pids/*/pantsd/pid"):
        text = pid_file.read_text().strip()
        if text.isdigit() and is_daemon_of(root, int(text)):
            found.append(int(text))
    return sorted(found)


def is_daemon_of(root: Path, pid: int) -> bool:
    """Whether the process runs and is this checkout's daemon."""
    # -ww: where standard input is not a terminal, some versions cut the line at 80 columns.
    shown = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"pantsd [{root}]" in shown.stdout

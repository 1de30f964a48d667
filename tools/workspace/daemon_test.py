from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from workspace.daemon import running_daemons


@pytest.fixture()
def daemon(tmp_path: Path) -> Iterator[int]:
    """A process that looks like the folder's daemon and is named in its pid file."""
    sleeper = "import sys; print('here', flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", sleeper, f"pantsd [{tmp_path}]"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    folder = tmp_path / ".pids" / "0123" / "pantsd"
    folder.mkdir(parents=True)
    (folder / "pid").write_text(f"{process.pid}")
    yield process.pid
    process.kill()
    process.communicate()


def test_a_daemon_is_found(tmp_path: Path, daemon: int) -> None:
    assert running_daemons(tmp_path) == [daemon]


def test_other_processes_are_not(tmp_path: Path, daemon: int) -> None:
    other = tmp_path / "other"
    (tmp_path / ".pids").rename(tmp_path / "pids")
    other.mkdir()
    (tmp_path / "pids").rename(other / ".pids")
    # The number now belongs to the daemon of another checkout.
    assert running_daemons(other) == []
    assert running_daemons(tmp_path) == []

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from workspace.clone import temporary_clone
from workspace.errors import ToolError
from workspace.repository import Repository

OPTIONS = ("--one", "--two")
# Stands in for the launcher: prints its arguments, and leaves what Pants leaves.
LAUNCHER = """\
#!/bin/sh
case "$*" in *fail*) echo "the reason"; exit 3 ;; esac
mkdir -p dist/models
echo pte > dist/models/a.pte
echo json > dist/index.json
echo other > dist/tool.pex
echo "$GREETING $*"
echo "01:02:03.04 [INFO] Completed: Export models/a:a" >&2
"""


@pytest.fixture()
def repository(tmp_path: Path) -> Repository:
    root = tmp_path / "original"
    (root / "folder").mkdir(parents=True)
    (root / "pants").write_text(LAUNCHER)
    (root / "pants").chmod(0o755)
    (root / "folder" / "file.py").write_text("x = 1\n")
    (root / "left_out.py").write_text("")
    return Repository(root, "0" * 40, False, (Path("folder/file.py"), Path("pants")))


def test_a_clone_runs_and_is_removed(repository: Repository, tmp_path: Path) -> None:
    environment = {**os.environ, "GREETING": "hello"}
    with temporary_clone(repository, tmp_path / "clone", environment, OPTIONS) as clone:
        tracked = subprocess.run(
            ["git", "ls-files"], cwd=clone.root, capture_output=True, text=True, check=True
        )
        assert tracked.stdout.split() == ["folder/file.py", "pants"]
        run = clone.pants("package", "::")
        assert "hello --one --two package ::" in run.output
        assert run.exports == ("models/a:a",)
        assert run.seconds > 0
        assert clone.artifacts() == {"index.json": b"json\n", "models/a.pte": b"pte\n"}
    assert not clone.root.exists()


def test_a_failed_run_shows_its_output(repository: Repository, tmp_path: Path) -> None:
    with (
        pytest.raises(ToolError, match="(?s)exit code 3.*the reason"),
        temporary_clone(repository, tmp_path / "clone", os.environ, OPTIONS) as clone,
    ):
        clone.pants("fail")
    assert not (tmp_path / "clone").exists()


def test_only_the_clones_own_daemon_is_stopped(repository: Repository, tmp_path: Path) -> None:
    clone_folder = tmp_path / "clone"
    own = start_daemon(f"pantsd [{clone_folder}]")
    other = start_daemon("pantsd [/somewhere/else]")
    try:
        with temporary_clone(repository, clone_folder, os.environ, OPTIONS) as clone:
            for process in (own, other):
                pid_file = clone.root / ".pids" / str(process.pid) / "pantsd" / "pid"
                pid_file.parent.mkdir(parents=True)
                pid_file.write_text(str(process.pid))
        assert own.wait(timeout=10) == -signal.SIGTERM
        assert other.poll() is None
    finally:
        for process in (own, other):
            process.kill()
            process.wait()


def start_daemon(title: str) -> subprocess.Popen[bytes]:
    """A process with `title` in its command line."""
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", title])

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from doctor.disk import environments
from doctor.disk.environments import find_environments
from workspace.errors import ToolError

_ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture()
def named(tmp_path: Path) -> Path:
    folder = tmp_path / "named"
    (folder / "pex_root" / "venvs").mkdir(parents=True)
    return folder


@_ON_LINUX
def test_unused_ones_can_go(tmp_path: Path, named: Path) -> None:
    (found,) = find_environments(named, tmp_path)
    assert found.path == named / "pex_root"
    assert find_environments(tmp_path / "absent", tmp_path) == []


@_ON_LINUX
@pytest.mark.parametrize("how", ["cwd", "argument", "mapped"])
def test_not_while_a_process_uses_them(tmp_path: Path, named: Path, how: str) -> None:
    file = named / "pex_root" / "venvs" / "library"
    file.write_bytes(b"x" * 4096)
    program = (
        "import mmap\n"
        "file = open(input(), 'rb')\n"
        "held = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)\n"
        "print(flush=True)\n"
        "input()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(file) if how == "argument" else ""],
        cwd=file.parent if how == "cwd" else tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(f"{file if how == 'mapped' else sys.executable}\n")
        process.stdin.flush()
        process.stdout.readline()
        with pytest.raises(ToolError, match=f"used by the processes {process.pid}"):
            find_environments(named, tmp_path)
    finally:
        process.kill()
        process.communicate()
    assert find_environments(named, tmp_path) != []


@_ON_LINUX
def test_the_tool_itself_does_not_count(
    tmp_path: Path, named: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = ":".join(os.path.abspath(entry) for entry in sys.path)
    monkeypatch.chdir(named / "pex_root")
    assert find_environments(named, tmp_path) != []
    script = (
        "import sys; from pathlib import Path; from doctor.disk.environments import find_environments\n"
        "print(len(find_environments(*map(Path, sys.argv[1:]))))"
    )
    said = subprocess.run(
        [sys.executable, "-c", script, str(named), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": modules},
    )
    assert said.stdout == "1\n"


def test_not_while_a_daemon_runs(
    tmp_path: Path, named: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "running_daemons", lambda root: [4, 5])
    with pytest.raises(ToolError, match="`kill 4 5`"):
        find_environments(named, tmp_path)


def test_not_where_nothing_can_be_told(tmp_path: Path, named: Path) -> None:
    with pytest.raises(ToolError, match="by hand"):
        find_environments(named, tmp_path, tmp_path / "no-proc")

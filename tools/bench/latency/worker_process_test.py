from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.latency.worker_process import prepare, running_worker
from workspace.errors import ToolError
from workspace.sandbox_python import SandboxPython

WORKER = """\
import json, sys
print("a runtime's own words", file=sys.stderr)
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    warm_up, timed = map(int, line.split())
    if timed == 13:
        sys.exit("the reason")
    print(json.dumps([warm_up + 0.5] * min(timed, 20)), flush=True)
"""


def sandbox(folder: Path, **modules: str) -> SandboxPython:
    """A sandbox whose interpreter is this one; `toolchain.pex` passes its arguments on to it."""
    (folder / ".python").mkdir()
    (folder / ".python" / "py311").symlink_to(sys.executable)
    (folder / "toolchain.pex").write_text(
        "import os, sys\n"
        "os.environ['PYTHONPATH'] = os.environ['PEX_EXTRA_SYS_PATH']\n"
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])\n"
    )
    code = folder / "code"
    code.mkdir()
    for name, text in modules.items():
        (code / f"{name}.py").write_text(text)
    return SandboxPython(folder, (folder / "nothing", code))


def test_a_worker_answers_until_the_end_of_the_block(tmp_path: Path) -> None:
    python = sandbox(tmp_path, stand_in=WORKER)
    with running_worker(python, "quick", 2, module="stand_in") as worker:
        assert worker.time(2, 3) == [2.5] * 3
        assert worker.time(0, 1) == [0.5]
        assert worker.process.poll() is None
    assert worker.process.poll() is not None
    assert worker.log.read_text() == "a runtime's own words\n"


def test_fewer_times_than_asked_are_an_error(tmp_path: Path) -> None:
    python = sandbox(tmp_path, stand_in=WORKER)
    with running_worker(python, "quick", 1, module="stand_in") as worker:
        assert len(worker.time(0, 20)) == 20
        with pytest.raises(ToolError, match="instead of 21 times"):
            worker.time(0, 21)


def test_a_worker_that_ends_says_why(tmp_path: Path) -> None:
    python = sandbox(tmp_path, stand_in=WORKER)
    with running_worker(python, "quick", 2, module="stand_in") as worker:
        with pytest.raises(ToolError, match="(?s)quick with 2 threads.*exit code 1.*the reason"):
            worker.time(1, 13)
        with pytest.raises(ToolError, match="the reason"):
            worker.time(1, 1)


def test_a_worker_that_does_not_load_says_why(tmp_path: Path) -> None:
    python = sandbox(tmp_path, stand_in="raise SystemExit('no such runtime')")
    with (
        pytest.raises(ToolError, match="no such runtime"),
        running_worker(python, "quick", 1, module="stand_in"),
    ):
        pass


def test_a_failed_preparation_shows_its_output(tmp_path: Path) -> None:
    python = sandbox(tmp_path, good="", bad="print('on its way'); raise SystemExit(3)")
    prepare(python, module="good")
    with pytest.raises(ToolError, match="(?s)bad ended with exit code 3.*on its way"):
        prepare(python, module="bad")


def test_only_the_environment_of_the_sandbox_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    code = "import os; assert 'OMP_NUM_THREADS' not in os.environ; assert os.getcwd() == FOLDER"
    prepare(sandbox(tmp_path, check=code.replace("FOLDER", repr(str(tmp_path)))), module="check")

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from workspace.child import end_of_log, how_it_ended, run_child

# A child that has a child of its own, which ignores what interrupts it.
_FAMILY = """\
trap '' INT
sleep 60 &
echo $! > grandchild
echo $$ > child
wait
"""
_SECONDS = 20


def is_alive(pid: int) -> bool:
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return bool(found.stdout.strip()) and not found.stdout.startswith("Z")


def wait_for(file: Path) -> int:
    deadline = time.monotonic() + _SECONDS
    while not (file.exists() and file.read_text().strip()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return int(file.read_text())


def test_output_and_exit_code(tmp_path: Path) -> None:
    script = (
        "import os, sys; print(os.getcwd(), os.environ); print('x', file=sys.stderr); sys.exit(3)"
    )
    done = run_child([sys.executable, "-c", script], folder=tmp_path, environment={"A": "1"})
    assert done.returncode == 3
    assert done.stdout.startswith(str(tmp_path)) and "'A': '1'" in done.stdout
    assert done.stderr == "x\n"


def test_both_outputs_in_one(tmp_path: Path) -> None:
    done = run_child(["sh", "-c", "echo a; echo b >&2; echo c"], merge_output=True)
    assert (done.stdout, done.stderr) == ("a\nb\nc\n", "")


def test_an_interrupt_ends_all_that_was_started(tmp_path: Path) -> None:
    def interrupt() -> None:
        wait_for(tmp_path / "child")
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run_child(["sh", "-c", _FAMILY], folder=tmp_path)
    thread.join()
    for name in ("child", "grandchild"):
        assert not is_alive(wait_for(tmp_path / name)), name


def test_a_child_that_ends_by_itself_is_not_killed(tmp_path: Path) -> None:
    script = (
        "import pathlib, time\n"
        "pathlib.Path('child').write_text('1')\n"
        "try:\n    time.sleep(60)\n"
        "except KeyboardInterrupt:\n    pathlib.Path('tidied').touch()\n"
    )

    def interrupt() -> None:
        wait_for(tmp_path / "child")
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run_child([sys.executable, "-c", script], folder=tmp_path)
    thread.join()
    assert (tmp_path / "tidied").exists()


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (signal.SIGTERM, "was killed by SIGTERM"),
        (signal.SIGKILL, "was killed by SIGKILL: perhaps memory ran out"),
        (
            signal.SIGILL,
            "was killed by SIGILL: it was told to use instructions that this CPU lacks",
        ),
    ],
)
def test_a_signal_is_named(number: signal.Signals, said: str) -> None:
    process = subprocess.Popen(["sleep", "60"])
    process.send_signal(number)
    assert how_it_ended(process.wait()) == said


def test_the_end_of_a_log_is_shown_whatever_its_bytes_are(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"".join(b"%d \xff\n" % number for number in range(100)))
    lines = end_of_log(tmp_path / "log").splitlines()
    assert len(lines) == 20 and lines[-1] == "99 \ufffd"

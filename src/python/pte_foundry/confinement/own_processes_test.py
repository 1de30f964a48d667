"""A process in a PID namespace ends as it would without one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pte_foundry.testing.canary import (
    NAMESPACES,
    canary_command,
    canary_environment,
    run_canary,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has PID namespaces")
both = pytest.mark.parametrize("without", [(), (NAMESPACES,)], ids=["namespace", "none"])


@both
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("return 0", 0),
        ("return 7", 7),
        ("raise SystemExit(3)", 3),
        ("raise KeyError('x')", 1),
        ("os._exit(9)", 9),
        ("os.abort()", -signal.SIGABRT),
        ("ctypes.string_at(8)", -signal.SIGSEGV),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
        # Python ignores it.
        (
            "signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\nos.kill(os.getpid(), signal.SIGXFSZ)",
            -signal.SIGXFSZ,
        ),
    ],
)
def test_the_end_of_the_work_is_the_end_of_the_process(
    tmp_path: Path, without: tuple[str, ...], body: str, code: int
) -> None:
    assert run_canary(tmp_path, body, without).returncode == code


@both
def test_output_stays_whole_and_in_order(tmp_path: Path, without: tuple[str, ...]) -> None:
    body = (
        "import atexit\natexit.register(lambda: print('at exit'))\nprint('first', end='')\n"
        "os.write(2, b'second\\n')\nprint('x' * 100_000, flush=True)\nsubprocess.run(['echo', 'third'])\n"
        "print('fourth')"
    )
    run = run_canary(tmp_path, f"print('before')\n{body}", without)
    assert run.stdout == f"before\nfirst{'x' * 100_000}\nthird\nfourth\nat exit\n"
    told, second = run.stderr.splitlines()
    assert told.startswith("confinement: ") and second == "second"
    assert list(tmp_path.iterdir()) == []


def _heed_hang_ups() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def _start(sandbox: Path, body: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        canary_command(body),
        cwd=sandbox,
        env=canary_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A process started with nohup ignores hang-ups, and so would all that it starts.
        preexec_fn=_heed_hang_ups,
    )
    assert process.stdout is not None and process.stderr is not None
    if " namespaces (" in process.stderr.readline():
        process.kill()
        process.communicate()
        pytest.skip("this machine allows no PID namespace")
    assert process.stdout.readline() == "ready\n"
    return process


# It has an orphan in a new session; both write for longer than a test takes.
LONG = """
def beat(name):
    import time
    for _ in range(6000):
        with open(name, 'a') as file:
            file.write('x')
        time.sleep(0.01)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        beat('orphan')
    os._exit(0)
while not os.path.exists('orphan'):
    pass
print('ready', flush=True)
beat('worker')
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("whole_group", [False, True], ids=["process", "group"])
def test_nothing_survives_the_process_that_was_started(
    tmp_path: Path, number: signal.Signals, whole_group: bool
) -> None:
    process = _start(tmp_path, LONG)
    (os.killpg if whole_group else os.kill)(process.pid, number)
    # Both hold stdout open for as long as they live.
    _, log = process.communicate(timeout=60)
    assert (process.returncode, log) == (-number, "")
    assert not _are_written(tmp_path)


def test_nothing_survives_the_work(tmp_path: Path) -> None:
    process = _start(tmp_path, LONG.replace("beat('worker')", "return 4"))
    process.communicate(timeout=60)
    assert process.returncode == 4
    assert not _are_written(tmp_path)


def _are_written(sandbox: Path) -> bool:
    """Whether a process still writes the files of LONG, some beats later."""
    before = {path.name: path.stat().st_size for path in sandbox.iterdir() if path.is_file()}
    assert "orphan" in before
    time.sleep(0.2)
    return before != {
        path.name: path.stat().st_size for path in sandbox.iterdir() if path.is_file()
    }


def test_a_group_of_the_caller_gets_no_signal(tmp_path: Path) -> None:
    process = _start(
        tmp_path,
        "print('ready', flush=True)\nos.kill(0, signal.SIGCONT)\nos.killpg(0, signal.SIGTERM)",
    )
    # The worker alone is in its group.
    assert process.wait(60) == -signal.SIGTERM
    process.communicate()
    outside = run_canary(tmp_path, "print(os.getsid(0) == os.getpid() == os.getpgrp())")
    assert outside.stdout == "True\n"


def test_orphans_are_collected_and_only_own_processes_exist(tmp_path: Path) -> None:
    body = (
        "import time\nfor _ in range(20):\n    if os.fork() == 0:\n        os.fork()\n        os._exit(0)\n"
        "    os.wait()\ntime.sleep(0.3)\n"
        "print(sorted(int(name) for name in os.listdir('/proc') if name.isdigit()))\n"
        "print(os.getpid(), os.getppid())\nos.kill(1, signal.SIGINT); os.kill(1, signal.SIGKILL)"
    )
    run = run_canary(tmp_path, body)
    if " namespaces (" in run.stderr:
        pytest.skip(f"this machine allows no PID namespace: {run.stderr}")
    assert (run.stdout, run.returncode) == ("[1, 2]\n2 1\n", 0), run.stderr


def test_threads_and_processes_of_python_work(tmp_path: Path) -> None:
    (tmp_path / "process.py").write_text(
        "import multiprocessing, sys\n"
        "def square(end, x): end.send(x * x)\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context(sys.argv[1])\n"
        "    for duplex in (True, False):\n"
        "        ours, theirs = context.Pipe(duplex)\n"
        "        process = context.Process(target=square, args=(theirs, 3))\n"
        "        process.start(); print(ours.recv()); process.join()\n"
    )
    body = (
        "import concurrent.futures\nwith concurrent.futures.ThreadPoolExecutor(2) as pool:\n"
        "    print(sum(pool.map(len, ['a', 'bc'])), flush=True)\n"
        "for kind in ('fork', 'spawn'):\n"
        "    subprocess.run([sys.executable, 'process.py', kind], check=True)"
    )
    run = run_canary(tmp_path, body)
    assert run.stdout == "3\n9\n9\n9\n9\n", run.stderr

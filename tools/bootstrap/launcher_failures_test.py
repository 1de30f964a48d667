"""The launcher when something is missing, full, wrong, killed or busy."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from fake_machine import FakeMachine, make_machine

_STEPS = ("pip config", "pex download", "pex build", "torch download", "venv", "pants install")


def _leftovers(machine: FakeMachine) -> list[str]:
    return [path.name for path in machine.cache.glob(".tmp-*")]


def _wait_for_step(machine: FakeMachine) -> None:
    """Wait until the step named by FAKE_STOP has begun."""
    deadline = time.monotonic() + 30
    while not machine.reached.exists():
        assert time.monotonic() < deadline, f"{machine.reached} never appeared"
        time.sleep(0.02)
    machine.reached.unlink()


def _assert_failed(finished: subprocess.CompletedProcess[str], *expected: str) -> None:
    assert (finished.returncode, finished.stdout) == (1, "")
    for text in expected:
        assert text in finished.stderr, finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize(("minor", "other"), [(9, 11), (11, 9)])
def test_a_missing_interpreter_is_named(tmp_path: Path, minor: int, other: int) -> None:
    finished = make_machine(tmp_path, minors=(other,)).run()
    _assert_failed(
        finished,
        f"Fetching uv 0.13.8 (17 MB) and CPython 3.{minor}.",
        " is not on this machine, and cannot be fetched: fetching uv 0.13.8 failed: no package index",
        f"PTE_PYTHON3{minor}",
    )
    # What is tried for the missing one alone.
    assert f"CPython 3.{other}." not in finished.stderr


@pytest.mark.parametrize("options", ["", "set -euo pipefail;"])
def test_no_interpreter_at_all(tmp_path: Path, options: str) -> None:
    machine = make_machine(tmp_path, minors=())
    versions = "CPython 3.9.25 and 3.11.18"
    _assert_failed(machine.run(), f"{versions} (about 60 MB)", f"{versions} is not on this machine")
    _assert_failed(machine.source(options), "CPython 3.11.18 is not on this machine")
    assert _leftovers(machine) == []


def test_two_at_once_install_once(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    both = [machine.start() for _ in range(2)]
    outputs = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert sum("Installing Pants" in stderr for _, stderr in outputs) == 1
    assert sum("waiting for another ./pants (pid" in stderr for _, stderr in outputs) == 1
    assert _leftovers(machine) == []


@pytest.mark.parametrize("step", _STEPS)
def test_the_next_run_repairs_what_a_killed_one_left(tmp_path: Path, step: str) -> None:
    machine = make_machine(tmp_path)
    with machine.start(FAKE_STOP=step) as process:
        _wait_for_step(machine)
        assert _leftovers(machine) != []
        os.killpg(process.pid, signal.SIGKILL)
    finished = machine.run()
    assert finished.stdout.startswith("pants ran hello\n"), finished.stderr
    assert _leftovers(machine) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cleans_up(prepared: FakeMachine, number: signal.Signals) -> None:
    shutil.rmtree(prepared.only("pants-*"))
    with prepared.start(FAKE_STOP="pants install") as process:
        _wait_for_step(prepared)
        os.killpg(process.pid, number)
        process.communicate(timeout=30)
    assert process.returncode != 0
    deadline = time.monotonic() + 10
    while _leftovers(prepared) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _leftovers(prepared) == []
    assert prepared.run().returncode == 0


@pytest.mark.parametrize("step", _STEPS[1:])
def test_a_full_disk_is_named_and_repaired_later(tmp_path: Path, step: str) -> None:
    machine = make_machine(tmp_path)
    full = machine.run(FAKE_FAIL=step, FAKE_OUTPUT="OSError: [Errno 28] No space left on device")
    _assert_failed(full, "no disk space left", str(machine.cache))
    assert _leftovers(machine) == []
    assert machine.run().returncode == 0


def test_a_full_disk_for_the_launcher_itself(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    for name in ("python3.9", "python3.11"):  # They could not write their log either.
        path = tmp_path / "bin" / name
        path.write_text(path.read_text().replace(str(tmp_path / "log"), "/dev/null"))
    finished = machine.run("bash", "-c", "trap '' XFSZ; ulimit -f 0; exec bash repo/pants")
    _assert_failed(finished, "no disk space left")


def test_a_wrong_torch_is_refused(prepared: FakeMachine) -> None:
    wheel = prepared.only("wheels/torch.whl")
    wheel.unlink()
    path = prepared.folder / "bin" / "python3.11"
    path.write_text(path.read_text().replace("b'torch wheel'", "b'other wheel'"))
    _assert_failed(prepared.run(), "wrong hash: torch.whl")
    assert not wheel.exists()


@pytest.mark.parametrize(
    ("name", "text"), [("file/below", "cannot use the cache folder"), ("a b", "character")]
)
def test_an_unusable_cache_folder(prepared: FakeMachine, name: str, text: str) -> None:
    (prepared.folder / "file").touch()
    finished = prepared.run(PTE_FOUNDRY_CACHE=str(prepared.folder / name))
    _assert_failed(finished, text, "PTE_FOUNDRY_CACHE")

"""What the launcher does when something is missing, full, wrong, killed or busy."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from fake_machine import FakeMachine, make_machine

_STEPS = ("pip config", "pex download", "pex build", "torch download", "venv", "pants install")


def _leftovers(machine: FakeMachine) -> list[str]:
    return [path.name for path in machine.cache.glob(".tmp-*")]


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never appeared"
        time.sleep(0.02)


@pytest.mark.parametrize(("minor", "other"), [(9, 11), (11, 9)])
def test_a_missing_interpreter_is_named(tmp_path: Path, minor: int, other: int) -> None:
    finished = make_machine(tmp_path, minors=(other,)).run()
    assert finished.returncode == 1
    assert finished.stdout == ""
    assert f"no CPython 3.{minor} found" in finished.stderr
    assert f"PTE_PYTHON3{minor}" in finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize("options", ["", "set -euo pipefail;"])
def test_no_interpreter_at_all(tmp_path: Path, options: str) -> None:
    machine = make_machine(tmp_path, minors=())
    for command in ((), ("bash", "-c", f"{options} . repo/.pants.bootstrap")):
        finished = machine.run(*command)
        assert finished.returncode == 1
        assert "no CPython 3.11 found" in finished.stderr


def test_two_at_once_install_once(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    both = [machine.start() for _ in range(2)]
    outputs = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert sum("Installing Pants" in stderr for _, stderr in outputs) == 1
    assert sum("waiting for another ./pants (pid" in stderr for _, stderr in outputs) == 1
    assert _leftovers(machine) == []


@pytest.mark.parametrize("step", _STEPS)
def test_killed_half_way_the_next_run_repairs_it(tmp_path: Path, step: str) -> None:
    machine = make_machine(tmp_path)
    with machine.start(FAKE_STOP=step) as process:
        _wait_for(machine.reached)
        assert _leftovers(machine) != []
        os.killpg(process.pid, signal.SIGKILL)
    finished = machine.run()
    assert finished.stdout.startswith("pants ran hello\n"), finished.stderr
    assert _leftovers(machine) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cleans_up(tmp_path: Path, number: signal.Signals) -> None:
    machine = make_machine(tmp_path)
    with machine.start(FAKE_STOP="pants install") as process:
        _wait_for(machine.reached)
        os.killpg(process.pid, number)
        process.communicate(timeout=30)
    assert process.returncode != 0
    deadline = time.monotonic() + 10
    while _leftovers(machine) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _leftovers(machine) == []
    assert machine.run().returncode == 0


@pytest.mark.parametrize("step", _STEPS[1:])
def test_a_full_disk_is_named_and_repaired_later(tmp_path: Path, step: str) -> None:
    machine = make_machine(tmp_path)
    full = machine.run(FAKE_FAIL=step, FAKE_OUTPUT="OSError: [Errno 28] No space left on device")
    assert full.returncode == 1
    assert "no disk space left" in full.stderr
    assert str(machine.cache) in full.stderr
    assert "Traceback" not in full.stderr
    assert _leftovers(machine) == []
    assert machine.run().returncode == 0


def test_a_file_that_the_disk_cannot_take(tmp_path: Path) -> None:
    # RLIMIT_FSIZE 0: what this process itself writes fails too, not only pip's files.
    machine = make_machine(tmp_path)
    for name in ("python3.9", "python3.11"):  # their log could not be written either
        path = tmp_path / "bin" / name
        path.write_text(path.read_text().replace(str(tmp_path / "log"), "/dev/null"))
    finished = machine.run("bash", "-c", "trap '' XFSZ; ulimit -f 0; exec bash repo/pants")
    assert finished.returncode == 1
    assert "no disk space left" in finished.stderr, finished.stderr


def test_a_wrong_torch_is_refused(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    path = tmp_path / "bin" / "python3.11"
    path.write_text(path.read_text().replace("b'torch wheel'", "b'other wheel'"))
    finished = machine.run()
    assert finished.returncode == 1
    assert "wrong hash: torch.whl" in finished.stderr
    assert not (machine.cache / "wheels" / "torch.whl").exists()


def test_an_unusable_cache_folder(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    (tmp_path / "file").touch()
    for folder, text in (("file/below", "cannot use the cache folder"), ("a b", "character")):
        finished = machine.run(PTE_FOUNDRY_CACHE=str(tmp_path / folder))
        assert finished.returncode == 1
        assert text in finished.stderr
        assert "PTE_FOUNDRY_CACHE" in finished.stderr

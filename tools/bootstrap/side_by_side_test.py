from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from messages import PreparationError
from pip_command import run_step
from side_by_side import side_by_side


def test_results_are_in_the_order_of_the_steps() -> None:
    both = threading.Barrier(2, timeout=10)

    def step(name: str) -> str:
        both.wait()  # Each needs the other one to be under way.
        return name

    assert side_by_side(lambda: step("a"), lambda: step("b")) == ["a", "b"]


def _sleep(folder: Path) -> str:
    return run_step(["sleep", "60"], folder, dict(os.environ), "sleeping")


def test_an_error_ends_the_commands_of_the_others(tmp_path: Path) -> None:
    def fail() -> None:
        time.sleep(0.3)
        raise PreparationError("the first one")

    started = time.monotonic()
    with pytest.raises(PreparationError, match="the first one"):
        side_by_side(lambda: _sleep(tmp_path), fail, lambda: _sleep(tmp_path))
    assert time.monotonic() - started < 30


def test_a_step_that_starts_after_an_error_does_not_start_commands(tmp_path: Path) -> None:
    failed = threading.Event()

    def fail() -> None:
        failed.set()
        raise PreparationError("the first one")

    def late() -> str:
        failed.wait(10)
        time.sleep(0.3)
        return _sleep(tmp_path)

    started = time.monotonic()
    with pytest.raises(PreparationError, match="the first one"):
        side_by_side(fail, late)
    assert time.monotonic() - started < 30


def test_a_signal_does_too(tmp_path: Path) -> None:
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        side_by_side(lambda: _sleep(tmp_path), lambda: _sleep(tmp_path))
    assert time.monotonic() - started < 30

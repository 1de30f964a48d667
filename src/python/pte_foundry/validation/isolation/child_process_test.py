from __future__ import annotations

import ctypes
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from pte_foundry.errors import PteError
from pte_foundry.records.limits import Limits
from pte_foundry.validation.isolation.child_process import (
    ChildProcess,
    Facts,
    Serve,
    serving_runs,
)
from pte_foundry.validation.isolation.descendants import children

LIMITS = Limits(seconds=100, memory_mb=256)


def failing_start(act: Callable[[], object], limits: Limits = LIMITS) -> PteError:
    """The error of a child that does this at its start."""

    def start() -> tuple[Facts, Mapping[str, Serve]]:
        act()
        return {}, {}

    with pytest.raises(PteError) as caught:
        ChildProcess(start, limits)
    return caught.value


def doubling() -> tuple[Facts, Mapping[str, Serve]]:
    def run(inputs: Sequence[Tensor]) -> Sequence[Tensor]:
        return [2 * tensor for tensor in inputs]

    return {"pid": os.getpid(), "shapes": [[1, 2]]}, serving_runs(run)


def test_facts_and_runs_come_from_another_process() -> None:
    with ChildProcess(doubling, LIMITS) as child:
        assert child.facts["pid"] != os.getpid() and child.facts["shapes"] == [[1, 2]]
        for value in (1.0, 2.5):
            (output,) = child.run([torch.full((3, 1), value)])
            assert torch.equal(output, torch.full((3, 1), 2 * value))
        pid = child.facts["pid"]
    assert child.ended
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_real_segmentation_fault() -> None:
    error = failing_start(lambda: ctypes.string_at(8))
    assert error.kind == "crash"
    assert "ended by SIGSEGV, it accessed memory that is not its own" in error.message


def test_the_last_output_of_a_crash_is_quoted() -> None:
    def act() -> None:
        os.write(2, b"first\nchecking a table\nkernel: Check failed\n")
        os.abort()

    assert (
        "(it said: first / checking a table / kernel: Check failed)" in failing_start(act).message
    )


def test_an_exit_is_not_an_answer() -> None:
    error = failing_start(lambda: os._exit(7))
    assert (error.kind, "exit code 7" in error.message) == ("crash", True)


def test_a_hang_is_ended_in_time() -> None:
    begun = time.monotonic()
    error = failing_start(lambda: time.sleep(60), Limits(seconds=1))
    assert error.kind == "time-limit" and "no answer within 1 s" in error.message
    assert time.monotonic() - begun < 50


@pytest.mark.parametrize("leaves", [False, True], ids=["same session", "own session"])
@pytest.mark.parametrize("hangs", [False, True], ids=["ends", "hangs"])
def test_descendants_of_a_child_are_ended_too(
    tmp_path: os.PathLike[str], leaves: bool, hangs: bool
) -> None:
    path = os.path.join(tmp_path, "pid")

    def act() -> None:
        if (grandchild := os.fork()) == 0:
            if leaves:
                os.setsid()
                if os.fork():
                    time.sleep(60)
            time.sleep(60)
        with open(path, "w", encoding="ascii") as file:
            file.write(str(grandchild))
        time.sleep(0.2)  # The grandchild has its session by then.
        if hangs:
            time.sleep(60)
        os._exit(3)

    before = children()
    failing_start(act, Limits(seconds=1))
    with open(path, encoding="ascii") as file:
        grandchild = int(file.read())
    deadline = time.monotonic() + 10
    while _is_alive(grandchild) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_alive(grandchild)
    assert children() == before


def _is_alive(pid: int) -> bool:
    """Also false for a zombie that nobody has collected yet."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_cpu_time_is_limited_by_itself() -> None:
    def act() -> None:
        while True:
            pass

    error = failing_start(act, Limits(seconds=60, cpu_seconds=1))
    assert error.kind == "time-limit" and "SIGXCPU" in error.message


@pytest.mark.parametrize(
    "allocate",
    [
        lambda: bytearray(1 << 30),
        lambda: torch.ones(1 << 28),
        lambda: [bytes(1 << 20) for _ in range(2000)],
    ],
)
def test_an_allocation_beyond_the_limit_is_refused(allocate: Callable[[], object]) -> None:
    error = failing_start(allocate)
    assert error.kind == "memory-limit" and "more than 256 MB" in error.message


def test_what_is_within_the_limit_is_not() -> None:
    def start() -> tuple[Facts, Mapping[str, Serve]]:
        return {"length": len(bytearray(200 << 20))}, {}

    with ChildProcess(start, LIMITS) as child:
        assert child.facts["length"] == 200 << 20


def test_no_core_dump_and_no_large_file(tmp_path: os.PathLike[str]) -> None:
    def act() -> None:
        with open(os.path.join(tmp_path, "large"), "wb") as file:
            file.truncate(257 << 20)

    error = failing_start(act)
    # Python ignores SIGXFSZ, and gets an error.
    assert error.kind == "exception" and "OSError" in error.message


def test_exceptions_keep_their_kind_or_name_their_class() -> None:
    def expected() -> None:
        raise PteError("not-interpretable", "node 3: new")

    def unexpected() -> None:
        raise KeyError("x")

    assert str(failing_start(expected)) == "not-interpretable: node 3: new"
    assert str(failing_start(unexpected)) == "exception: it ended with KeyError: 'x'"

    def recursion() -> None:
        recursion()

    assert "RecursionError" in failing_start(recursion).message


def test_a_failing_run_leaves_the_child_and_a_crash_ends_it() -> None:
    def start() -> tuple[Facts, Mapping[str, Serve]]:
        def run(inputs: Sequence[Tensor]) -> Sequence[Tensor]:
            if not inputs:
                os.abort()
            if inputs[0].dim() == 0:
                raise ValueError("a scalar")
            return inputs

        return {}, serving_runs(run)

    with ChildProcess(start, LIMITS) as child:
        with pytest.raises(PteError, match="ValueError: a scalar"):
            child.run([torch.tensor(1.0)])
        assert torch.equal(child.run([torch.ones(2)])[0], torch.ones(2))
        with pytest.raises(PteError, match="SIGABRT"):
            child.run([])
        assert child.ended
        with pytest.raises(PteError, match="ended on an earlier input"):
            child.run([torch.ones(2)])


def test_large_tensors_pass_in_both_directions() -> None:
    large = torch.arange(3 << 20, dtype=torch.float32)
    with ChildProcess(doubling, LIMITS) as child:
        assert torch.equal(child.run([large])[0], 2 * large)


def test_an_answer_that_is_not_a_tensor_or_not_a_message() -> None:
    def start() -> tuple[Facts, Mapping[str, Serve]]:
        def run(inputs: Sequence[Tensor]) -> Sequence[Tensor]:
            answer: Any = 3 if inputs else torch.zeros(1, dtype=torch.complex64)
            return [answer]

        return {}, serving_runs(run)

    with ChildProcess(start, LIMITS) as child:
        with pytest.raises(PteError, match="a int instead of a tensor"):
            child.run([torch.ones(1)])
        with pytest.raises(PteError, match="a tensor of complex64 cannot be sent"):
            child.run([])


def test_another_child_and_what_was_there_before_are_left_alone() -> None:
    with subprocess.Popen(["sleep", "60"]) as sleeping, ChildProcess(doubling, LIMITS) as first:
        with ChildProcess(doubling, LIMITS):
            pass
        assert torch.equal(first.run([torch.ones(1)])[0], torch.full((1,), 2.0))
        assert sleeping.poll() is None
        sleeping.kill()


def test_a_question_that_nobody_answers_leaves_the_child() -> None:
    with ChildProcess(doubling, LIMITS) as child:
        with pytest.raises(PteError, match="KeyError: 'describe'"):
            child.ask("describe")
        assert not child.ended


def test_what_a_child_says_is_one_line_that_no_terminal_obeys() -> None:
    def act() -> None:
        raise PteError("structure\x1b[2J", "a\nb\x1b[31m" + "x" * 10_000)

    error = failing_start(act)
    assert error.kind == "structure?[2J" and error.message.startswith("a b?[31mxxx")
    assert len(error.message) <= 2000

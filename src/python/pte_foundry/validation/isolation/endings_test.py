from __future__ import annotations

import signal

import pytest

from pte_foundry.records.limits import Limits
from pte_foundry.validation.isolation.endings import ending_error


@pytest.mark.parametrize(
    ("status", "log", "kind", "words"),
    [
        (signal.SIGSEGV, "", "crash", "SIGSEGV, it reached for memory that is not its own"),
        (signal.SIGABRT, "Check failed", "crash", "(it said: Check failed)"),
        (signal.SIGABRT, "what():  std::bad_alloc", "memory-limit", "more than 7 MB"),
        (signal.SIGXCPU, "", "time-limit", "too much CPU time"),
        (signal.SIGKILL, "", "crash", "memory runs out"),
        (signal.SIGRTMIN + 1, "", "crash", "ended by signal"),
        (3 << 8, "", "crash", "exit code 3"),
    ],
)
def test_each_ending_has_its_words(status: int, log: str, kind: str, words: str) -> None:
    error = ending_error(int(status), log, Limits(memory_mb=7))
    assert error.kind == kind and words in error.message

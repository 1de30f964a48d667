from __future__ import annotations

import signal

import pytest

from pte_foundry.errors import PteError
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.limits import Limits
from pte_foundry.validation.isolation.limits import ending_error


def test_limits_of_a_request() -> None:
    assert Limits.read(Fields({"seconds": 3, "memory_mb": 7}, "r")) == Limits(3, 7, None)


@pytest.mark.parametrize("wrong", [{"seconds": 0}, {"memory_mb": 0}, {"seconds": 1.5}])
def test_a_limit_that_nothing_could_meet_is_refused(wrong: dict[str, object]) -> None:
    fields = Fields({"seconds": 3, "memory_mb": 7, **wrong}, "request.json")
    with pytest.raises(PteError, match=next(iter(wrong))) as caught:
        Limits.read(fields)
    assert caught.value.kind == "bad-request"


@pytest.mark.parametrize(
    ("status", "log", "kind", "words"),
    [
        (signal.SIGSEGV, "", "crash", "SIGSEGV, it accessed memory that is not its own"),
        (signal.SIGABRT, "Check failed", "crash", "(it said: Check failed)"),
        (signal.SIGABRT, "", "crash", "SIGABRT, it gave up on an impossible state"),
        (signal.SIGBUS, "", "crash", "SIGBUS, it accessed memory that does not exist"),
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

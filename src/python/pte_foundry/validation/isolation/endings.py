"""What a process's end means, in words for the person whose program it was."""

from __future__ import annotations

import os
import signal

from pte_foundry.errors import PteError
from pte_foundry.records.limits import Limits

CRASH, TIME_LIMIT, MEMORY_LIMIT = "crash", "time-limit", "memory-limit"

_MEANINGS = {
    signal.SIGSEGV: "it reached for memory that is not its own",
    signal.SIGBUS: "it reached for memory that does not exist",
    signal.SIGABRT: "it gave up on a state that it held for impossible",
    signal.SIGFPE: "it divided by zero, or the like",
    signal.SIGILL: "it executed what is no instruction",
    signal.SIGKILL: "the system ended it, as it does when memory runs out",
    signal.SIGXFSZ: "it wrote more into a file than it may",
}
# What libstdc++, torch and XNNPACK say when an allocation fails.
_OUT_OF_MEMORY = ("bad_alloc", "can't allocate memory", "MemoryError", "out of memory")
_LOG_LINES = 3
_LONGEST = 2000
"""Characters of what a process says."""


def ending_error(status: int, log: str, limits: Limits) -> PteError:
    """The error for a process that ended where it should have answered.

    Args:
        status: of `os.waitpid`.
        log: the last of what it wrote to stdout and stderr.

    Returns:
        `crash`, `time-limit` or `memory-limit`.
    """
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return PteError(CRASH, f"the process ended with exit code {code}{_quoted(log)}")
    number = signal.Signals(-code) if -code in set(signal.Signals) else None
    name = f"signal {-code}" if number is None else number.name
    if number == signal.SIGXCPU:
        return PteError(
            TIME_LIMIT, f"the process was ended by {name}: it spent too much CPU time on one step"
        )
    if number == signal.SIGABRT and any(words in log for words in _OUT_OF_MEMORY):
        return memory_error(f"the process was ended by {name}{_quoted(log)}", limits)
    meaning = "" if number not in _MEANINGS else f", {_MEANINGS[number]}"
    return PteError(
        CRASH,
        f"the process was ended by {name}{meaning}: the bytes are damaged, or meet a fault of the "
        f"runtime{_quoted(log)}",
    )


def late_error(limits: Limits) -> PteError:
    """The error for a process that was ended because it did not answer in time."""
    return PteError(
        TIME_LIMIT,
        f"no answer within {limits.seconds} s, so the process was ended: the program hangs, or it "
        "needs more (`time_limit` of its pte_test)",
    )


def memory_error(what: str, limits: Limits) -> PteError:
    """The error for an allocation that the limit has refused."""
    return PteError(
        MEMORY_LIMIT,
        f"{what}: more than {limits.memory_mb} MB were asked for (`memory_limit` of its pte_test)",
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that an allocation failed."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in _OUT_OF_MEMORY)


def printable(text: str) -> str:
    """One line without what a terminal would obey, cut where nobody reads on."""
    line = " ".join(text[:_LONGEST].split())
    return "".join(one if one.isprintable() else "?" for one in line)


def _quoted(log: str) -> str:
    lines = [printable(line) for line in log.splitlines() if line.strip()]
    return f" (it said: {' / '.join(lines[-_LOG_LINES:])})" if lines else ""

"""Hold this process to limits of time and memory, and say what the end of a process means."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

from pte_foundry.errors import PteError
from pte_foundry.records.limits import Limits

_MB = 1 << 20


def limit_memory(limits: Limits) -> None:
    """Limit this process's memory and files for good, and let it leave no core dump.

    Memory is limited by RLIMIT_DATA: what is private and writable (man 2 setrlimit; mmap counts since
    Linux 4.7). RLIMIT_AS would also count the address space of torch's libraries and of mapped
    files, gigabytes that cost nothing, and RLIMIT_RSS has no effect on Linux. On macOS neither
    has any effect, so only the machine limits memory there.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _lower(resource.RLIMIT_FSIZE, limits.memory_mb * _MB)
    begun_with = _data_bytes()
    if begun_with is not None:
        _lower(resource.RLIMIT_DATA, begun_with + limits.memory_mb * _MB)


def allow_cpu(limits: Limits) -> None:
    """Give this process the CPU time of one more step; beyond it, the system sends SIGXCPU."""
    seconds = 2 * limits.seconds if limits.cpu_seconds is None else limits.cpu_seconds
    usage = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(usage.ru_utime + usage.ru_stime)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    wanted = spent + seconds + 1
    resource.setrlimit(
        resource.RLIMIT_CPU, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
    )


def _lower(which: int, value: int) -> None:
    """Never above an existing limit, which would be refused."""
    _, hard = resource.getrlimit(which)
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (bound, bound))


def _data_bytes() -> int | None:
    """What RLIMIT_DATA counts now; None where the system does not say."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    (kilobytes,) = (line.split()[1] for line in lines if line.startswith("VmData:"))
    return int(kilobytes) * 1024


CRASH, TIME_LIMIT, MEMORY_LIMIT = "crash", "time-limit", "memory-limit"

_MEANINGS = {
    signal.SIGSEGV: "it accessed memory that is not its own",
    signal.SIGBUS: "it accessed memory that does not exist",
    signal.SIGABRT: "it gave up on an impossible state",
    signal.SIGFPE: "it divided by zero, or the like",
    signal.SIGILL: "it executed an invalid instruction",
    signal.SIGKILL: "the system ended it, as it does when memory runs out",
    signal.SIGXFSZ: "it wrote more into a file than it may",
}
# What libstdc++, torch and XNNPACK say when an allocation fails.
_OUT_OF_MEMORY = ("bad_alloc", "can't allocate memory", "MemoryError", "out of memory")
_LOG_LINES = 3
_LONGEST = 2000
"""Characters of a line of a process's output."""


def ending_error(status: int, log: str, limits: Limits) -> PteError:
    """The error for a process that ended where it should have answered.

    Args:
        status: of `os.waitpid`.
        log: the end of what it wrote to stdout and stderr.

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
        f"the process was ended by {name}{meaning}: the bytes are damaged, or trigger a bug in the "
        f"runtime{_quoted(log)}",
    )


def late_error(limits: Limits) -> PteError:
    """The error for a process that was ended because it did not answer in time."""
    return PteError(
        TIME_LIMIT,
        f"no answer within {limits.seconds} s, so the process was ended: the program hangs, or it "
        "needs more time (`time_limit` of its pte_test)",
    )


def memory_error(what: str, limits: Limits) -> PteError:
    """The error for an allocation beyond the limit."""
    return PteError(
        MEMORY_LIMIT,
        f"{what}: more than {limits.memory_mb} MB were requested (`memory_limit` of its pte_test)",
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that an allocation failed."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in _OUT_OF_MEMORY)


def printable(text: str) -> str:
    """One line of bounded length, without control characters of a terminal."""
    line = " ".join(text[:_LONGEST].split())
    return "".join(one if one.isprintable() else "?" for one in line)


def _quoted(log: str) -> str:
    lines = [printable(line) for line in log.splitlines() if line.strip()]
    return f" (it said: {' / '.join(lines[-_LOG_LINES:])})" if lines else ""

"""Hold this process to limits of time and memory."""

from __future__ import annotations

import resource
from pathlib import Path

from pte_foundry.records.limits import Limits

_MB = 1 << 20


def limit_memory(limits: Limits) -> None:
    """Limit this process's memory and files for good, and let it leave no core dump.

    Memory is limited as RLIMIT_DATA: what is private and writable (man 2 setrlimit; mmap counts since
    Linux 4.7). RLIMIT_AS would also count the address space of torch's libraries and of mapped
    files, gigabytes that cost nothing, and RLIMIT_RSS has no effect on Linux. On macOS neither
    has: there, memory is bounded by the machine.
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
    """Never above a limit that is there already, which would be refused."""
    _, hard = resource.getrlimit(which)
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (bound, bound))


def _data_bytes() -> int | None:
    """What RLIMIT_DATA counts now; None where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    (kilobytes,) = (line.split()[1] for line in lines if line.startswith("VmData:"))
    return int(kilobytes) * 1024

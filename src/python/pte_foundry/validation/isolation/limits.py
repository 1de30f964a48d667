"""How much time and memory a process may spend on untrusted bytes."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from pathlib import Path

from pte_foundry.records.json_fields import Fields

_MB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Of one process; time starts again with each step, such as loading, or one run.

    Attributes:
        seconds: wall time of a step.
        memory_mb: what the process may allocate, in units of 2^20 bytes, beyond what it starts with;
            also the size of a file that it may write.
        cpu_seconds: CPU time of a step, over all threads; None for twice the wall time, which
            two threads cannot exceed. It ends a process whose parent was killed.
    """

    seconds: int = 300
    memory_mb: int = 4096
    cpu_seconds: int | None = None

    @staticmethod
    def read(fields: Fields) -> Limits:
        """Raises PteError `bad-request` for a limit of 0, under which nothing could pass."""
        values = {name: fields.count(name) for name in ("seconds", "memory_mb")}
        for name, value in values.items():
            if value == 0:
                raise fields.error(name, "is 0: nothing could pass")
        return Limits(**values)


def limit_memory(limits: Limits) -> None:
    """Limit this process's memory and files for good, and let it leave no core dump.

    Memory is limited as RLIMIT_DATA: what is private and writable (man 2 setrlimit; mmap counts since
    Linux 4.7). RLIMIT_AS would also count the address space of torch's libraries and of mapped
    files, gigabytes that cost nothing, and RLIMIT_RSS has no effect on Linux. On macOS neither
    has one: there, only the machine bounds memory.
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

"""What a result says about the machine that it comes from; nothing that identifies it."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

_CPU_INFO = Path("/proc/cpuinfo")  # Linux
_BYTES_PER_GB = 1e9


@dataclass(frozen=True)
class BenchMachine:
    """load: runnable processes, averaged over the minute before the benchmarks; about 0 on a quiet machine."""

    cpu: str
    cpus: int
    memory_gb: float
    system: str
    load: float

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def this_machine() -> BenchMachine:
    return BenchMachine(
        cpu=cpu_model(_CPU_INFO.read_text() if _CPU_INFO.exists() else ""),
        cpus=os.cpu_count() or 1,
        memory_gb=round(
            os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _BYTES_PER_GB, 1
        ),
        system=f"{platform.system()} {platform.machine()}",
        load=round(os.getloadavg()[0], 2),
    )


def cpu_model(cpu_info: str) -> str:
    """The first `model name` of Linux' /proc/cpuinfo; what Python knows if there is none, as on arm64."""
    for line in cpu_info.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()

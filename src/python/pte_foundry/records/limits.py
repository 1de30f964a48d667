"""How much time and memory a process may spend on untrusted bytes (standard library only)."""

from __future__ import annotations

from dataclasses import dataclass

from pte_foundry.records.json_fields import Fields


@dataclass(frozen=True)
class Limits:
    """Of one process; time is counted anew for each step, such as loading, or one run.

    Attributes:
        seconds: wall time of a step.
        memory_mb: what the process may allocate, in units of 2^20 bytes, beyond what it begins with;
            also the size of a file that it may write.
        cpu_seconds: CPU time of a step, over all threads; None for twice the wall time, which two threads
            cannot exceed. It also ends a process whose parent was killed. No request sets it.
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

    def to_json(self) -> dict[str, object]:
        return {"seconds": self.seconds, "memory_mb": self.memory_mb}

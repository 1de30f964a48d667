"""The programs that a new model gets: a backend each, and its precision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workspace.backends import DeclaredBackend

INT8 = "int8"


@dataclass(frozen=True)
class Program:
    """One key of `programs` in a `pte_model`: `xnnpack`, or `int8_xnnpack` for another precision than the default."""

    key: str
    backend: DeclaredBackend
    precision: str

    @property
    def quantized(self) -> bool:
        return self.precision == INT8

    @property
    def dynamic_dimensions(self) -> bool:
        """Whether it may have them: recipes quantize programs of fixed shapes."""
        return self.backend.dynamic_dimensions and not self.quantized


def programs_by_key(backends: Mapping[str, DeclaredBackend]) -> dict[str, Program]:
    """All that can be declared, in the order of the backends."""
    found = [
        Program(
            name if precision == backend.precision else f"{precision}_{name}", backend, precision
        )
        for name, backend in backends.items()
        for precision in backend.precisions
    ]
    return {program.key: program for program in found}

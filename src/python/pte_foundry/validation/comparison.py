"""What a program and the eager model gave for one photograph."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Comparison:
    """All outputs of both, in the order of the report's outputs.

    Attributes:
        name: of the photograph.
    """

    name: str
    found_outputs: tuple[Tensor, ...]
    expected_outputs: tuple[Tensor, ...]

    @property
    def found(self) -> Tensor:
        """The program's first output, which is what a task reads."""
        return self.found_outputs[0]

    @property
    def expected(self) -> Tensor:
        """The eager fp32 model's first output."""
        return self.expected_outputs[0]

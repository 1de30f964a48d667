"""What became of each mutant, for the table at the end of a test run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mutants.mutant import Mutant


@dataclass(frozen=True)
class Caught:
    """failed: name -> kind of every case that failed; none if the mutant passed for good."""

    mutant: Mutant
    failed: Mapping[str, str]

    def row(self) -> str:
        """One line of the table: program, what is wrong, the check that is for it, all that saw it."""
        mutant = self.mutant
        seen = ", ".join(self.failed) or "NOT CAUGHT"
        return f"{mutant.program} | {mutant.name} | {mutant.caught_by} ({mutant.kind}) | {seen}"


CAUGHT: list[Caught] = []

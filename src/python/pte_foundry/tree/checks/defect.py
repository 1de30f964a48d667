"""What can be wrong with a tree."""

from __future__ import annotations

from dataclasses import dataclass

from pte_foundry.records.outside_text import plain


@dataclass(frozen=True, order=True)
class Defect:
    """Attributes:
    path: the file in the tree that is wrong, or that says what is wrong.
    kind: a short slug that scripts may match, e.g. `hash`.
    what: what is wrong with it, for people.
    """

    path: str
    kind: str
    what: str

    def __str__(self) -> str:
        # Names and what a document says may hold anything: nothing of it may steer a terminal, or fill it.
        return f"{plain(self.path, 300)}: {self.kind}: {plain(self.what, 1_000)}"

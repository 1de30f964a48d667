"""What can be wrong with a tree."""

from __future__ import annotations

from dataclasses import dataclass


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
        # A name may hold anything but `/` and NUL: nothing of it may steer a terminal.
        shown = self.path if self.path.isprintable() else ascii(self.path)
        return f"{shown}: {self.kind}: {self.what}"

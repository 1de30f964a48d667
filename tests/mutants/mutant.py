"""One mutant: what is done to which program, and which check must catch it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mutants.artifact import replace_program
from mutants.program_bytes import (
    ChangeBytes,
    ChangeGraph,
    ChangeModel,
    ChangeProgram,
    edit_graph,
    edit_model,
    edit_payload,
    edit_program,
)
from mutants.stored_weights import ChangeArray, edit_weight
from pte_foundry.testing.workspace import Workspace
from pte_foundry.validation.case import Kind

Change = Callable[[Workspace], None]

_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("contract", "digest", "extent", "parse", "signature"), "structure"),
    **dict.fromkeys(("interpret", "payload"), "structure"),
    **dict.fromkeys(("parity", "preprocessing", "weights"), "mismatch"),
    **dict.fromkeys(("delegation", "promise"), "delegation"),
    "load": "load",
    "planned-memory": "budget",
    "run": "run",
}


@dataclass(frozen=True)
class Mutant:
    """A corruption of a real program.

    Attributes:
        name: what is wrong, for the table in docs/validation.md.
        program: stem of the file that is corrupted.
        change: of bytes, report or request.
        caught_by: name of the case that must fail.
        quick: whether it is in the ordinary run.
    """

    name: str
    program: str
    change: Change
    caught_by: str
    quick: bool = False

    @property
    def kind(self) -> Kind:
        """Of the failure of `caught_by`."""
        return _KINDS[self.caught_by.partition(":")[0]]


def on_bytes(change: ChangeBytes) -> Change:
    """The report has the digest of the changed bytes: another check must catch the change."""
    return lambda workspace: replace_program(workspace, change(workspace.pte))


def on_program(change: ChangeProgram) -> Change:
    return on_bytes(lambda pte: edit_program(pte, change))


def on_weight(backend: str, change: ChangeArray, rank: int = 4, nth: int = 0) -> Change:
    return on_bytes(lambda pte: edit_weight(pte, backend, change, rank, nth))


def on_payload(change: ChangeBytes) -> Change:
    return on_bytes(lambda pte: edit_payload(pte, change))


def on_graph(backend: str, change: ChangeGraph) -> Change:
    return on_payload(lambda payload: edit_graph(backend, payload, change))


def on_model(change: ChangeModel) -> Change:
    return on_payload(lambda payload: edit_model(payload, change))

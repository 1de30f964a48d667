"""The models of a catalogue, each with its programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pte_foundry.errors import PteError
from pte_foundry.tree.pages.contract import Contract
from pte_foundry.tree.pages.programs import ListedProgram


@dataclass(frozen=True)
class Model:
    """`contracts` has each contract once, with the programs that have it: usually there is one."""

    name: str
    family: str
    task: str | None
    programs: tuple[ListedProgram, ...]
    contracts: tuple[tuple[Contract, tuple[ListedProgram, ...]], ...]


def group_models(programs: Sequence[ListedProgram]) -> tuple[Model, ...]:
    """By family and name.

    Raises:
        PteError: `duplicate` if two families have a model of one name, or two names differ in capitals alone: they
            would share a page. `bad-request` if a model's programs are said to have different tasks.
    """
    grouped: dict[str, list[ListedProgram]] = {}
    for program in programs:
        grouped.setdefault(program.model.casefold(), []).append(program)
    models = []
    for members in grouped.values():
        first = members[0]
        names = sorted({f"{member.family}/{member.model}" for member in members})
        if len(names) > 1:
            raise PteError(
                "duplicate",
                f"the models {', '.join(names)} would have one page in the tree. Rename all but one",
            )
        tasks = sorted({member.task or "none" for member in members})
        if len(tasks) > 1:
            raise PteError(
                "bad-request",
                f"the programs of {first.model} have different tasks: {', '.join(tasks)}. Give all the same `task`",
            )
        contracts: dict[Contract, list[ListedProgram]] = {}
        for member in members:
            contracts.setdefault(member.contract, []).append(member)
        models.append(
            Model(
                first.model,
                first.family,
                first.task,
                tuple(sorted(members, key=lambda member: (member.backend, member.precision))),
                tuple((contract, tuple(those)) for contract, those in contracts.items()),
            )
        )
    return tuple(sorted(models, key=lambda model: (model.family, model.name)))

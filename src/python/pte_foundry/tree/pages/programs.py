"""The models of a catalogue with their programs, from the index and what the request adds to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pte_foundry.errors import PteError
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.tree_request import Listed
from pte_foundry.tree.merged_index import version_of
from pte_foundry.tree.pages.contract import Contract, read_contract


@dataclass(frozen=True)
class ListedProgram:
    """A program on the pages.

    The bounds are those of its test, which it has passed: the same on every machine. What was measured is in the
    picture of the errors, which no hash covers.

    Attributes:
        model: name without precision.
        version: of the ExecuTorch that it is for; `older` if that is not the tree's latest one.
        path: of the file, relative to the tree's root.
        size: bytes; `megabytes` the same in 10^6.
        cosine_bound: how far below 1 its test allows the cosine to be, as text, e.g. `2.5e-12`.
        difference_bound: the greatest difference that its test allows, as text, e.g. `4.2e-05` or `640`.
        undelegated: operator left to the portable kernels -> how many.
        delegated_fraction: of the operators before lowering, 0 to 1.
        checks: every bound of its test -> value.
    """

    address: str
    model: str
    family: str
    backend: str
    precision: str
    version: str
    older: bool
    task: str | None
    file: str
    path: str
    size: int
    megabytes: float
    sha256: str
    license: str
    platforms: tuple[str, ...]
    evidence: str
    cosine_bound: str
    difference_bound: str
    delegates: Mapping[str, int]
    calls: int
    undelegated: Mapping[str, int]
    delegated_fraction: float
    contract: Contract
    labels: str | None
    weights: Mapping[str, object]
    parameters: int
    checks: Mapping[str, float]
    max_abs_difference: float

    @property
    def label(self) -> str:
        """What distinguishes it from the other programs of its model, e.g. `xnnpack int8`."""
        return f"{self.backend} {self.precision}"


def read_programs(index: Fields, listed: Sequence[Listed]) -> tuple[ListedProgram, ...]:
    """In the order of the index.

    Raises:
        PteError: `bad-request` naming the field that is missing or wrong, or the programs that are in only one of
            the two.
    """
    by_address = {each.address: each for each in listed}
    entries = index.objects("models")
    addresses = [entry.text("address") for entry in entries]
    if sorted(addresses) != sorted(each.address for each in listed):
        unknown = sorted({*addresses} ^ {*by_address}) or "one of them twice"
        raise PteError(
            "bad-request",
            f"{index.where}: the index and the catalogue list different programs: {unknown}. Build both from "
            "one commit",
        )
    return tuple(
        _program(index, entry, by_address[address]) for entry, address in zip(entries, addresses)
    )


def _program(index: Fields, entry: Fields, listed: Listed) -> ListedProgram:
    delegation, validation = entry.nested("delegation"), entry.nested("validation")
    checks = validation.nested("checks")
    labels = entry.optional_text("labelsFile")
    version = version_of(index, entry)
    folder = f"{version}/{entry.text('category')}"
    return ListedProgram(
        address=listed.address,
        model=listed.model,
        family=entry.text("category"),
        backend=entry.text("backend"),
        precision=entry.text("precision"),
        version=version,
        older=version != index.text("version"),
        task=listed.task,
        file=entry.text("name"),
        path=f"{folder}/{entry.text('name')}",
        size=entry.count("size"),
        megabytes=entry.number("sizeMB"),
        sha256=entry.sha256("hash"),
        license=entry.text("license"),
        platforms=tuple(sorted(entry.texts("platforms"))),
        evidence=validation.text("evidence"),
        # As decimals: as floats, the difference would end in noise.
        cosine_bound=f"{float(Decimal(1) - Decimal(repr(checks.number('min_cosine')))):.2g}",
        difference_bound=f"{checks.number('max_abs_difference'):.3g}",
        delegates=delegation.count_map("delegates"),
        calls=delegation.count("calls"),
        undelegated=delegation.count_map("undelegated"),
        delegated_fraction=delegation.number("delegated_fraction"),
        contract=read_contract(entry),
        labels=None if labels is None else f"{folder}/{labels}",
        weights=entry.nested("weights").values,
        parameters=entry.nested("parameters").count("count"),
        checks=dict(_bounds(checks.values)),
        max_abs_difference=checks.number("max_abs_difference"),
    )


def _bounds(checks: Mapping[str, object]) -> list[tuple[str, float]]:
    """Including those on predictions, which are nested."""
    trained = checks.get("trained")
    every = {**checks, **(trained if isinstance(trained, Mapping) else {})}
    return sorted(
        (name, float(value))
        for name, value in every.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    )


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
        PteError: `duplicate` if two families have models of the same name, or two names differ only by case: they
            would share a page. `bad-request` if a model's programs have different tasks.
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

"""Which programs an index lists as unavailable, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule

from pte_build.aggregate.subsystem import IndexSubsystem
from pte_build.choices import Choices
from pte_build.program.availability import Availability, AvailabilityRequest
from pte_build.program.declaration import ProgramDeclaration
from pte_build.weights.resolution import ResolvedWeights, ResolvedWeightsRequest, UnpinnedCheckpoint
from pte_foundry.records.index_request import UnavailableEntry


@dataclass(frozen=True)
class ConditionRequest(EngineAwareParameter):
    program: Address
    choices: Choices = Choices.SESSION

    def debug_hint(self) -> str:
        return self.program.spec


@dataclass(frozen=True)
class Condition:
    """`reason` is None if the index must include the program itself."""

    declaration: ProgramDeclaration
    reason: str | None

    def entry(self) -> UnavailableEntry:
        """The index entry of a program that has a reason."""
        assert self.reason is not None
        declaration = self.declaration
        return UnavailableEntry(
            declaration.address.spec,
            declaration.model,
            declaration.backend.name,
            declaration.precision,
            self.reason,
        )


@dataclass(frozen=True)
class ConditionsRequest:
    programs: tuple[Address, ...]
    choices: Choices = Choices.SESSION


@dataclass(frozen=True)
class Conditions:
    """In the order of the request."""

    available: tuple[Address, ...]
    unavailable: tuple[Condition, ...]

    def summary(self) -> tuple[str, ...]:
        """One line for each reason, for the log."""
        counts = Counter(condition.reason for condition in self.unavailable)
        return tuple(f"  {count} unavailable: {reason}" for reason, count in counts.items())


@rule
async def find_condition(request: ConditionRequest, index: IndexSubsystem) -> Condition:
    availability = await Get(Availability, AvailabilityRequest(request.program, request.choices))
    declaration = availability.declaration
    if availability.unavailable is not None:
        return Condition(declaration, availability.unavailable.reason)
    if not index.allow_unpinned:
        return Condition(declaration, None)
    try:
        await Get(
            ResolvedWeights,
            ResolvedWeightsRequest(declaration.weights, request.program, request.choices),
        )
    except UnpinnedCheckpoint:
        return Condition(declaration, f"its checkpoint {declaration.weights} is not pinned")
    return Condition(declaration, None)


@rule
async def find_conditions(request: ConditionsRequest) -> Conditions:
    found = await MultiGet(
        Get(Condition, ConditionRequest(program, request.choices)) for program in request.programs
    )
    return Conditions(
        tuple(c.declaration.address for c in found if c.reason is None),
        tuple(c for c in found if c.reason is not None),
    )


def rules() -> Iterable[Rule]:
    return collect_rules()

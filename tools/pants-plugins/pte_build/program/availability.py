"""Whether a program can be built in this session at all. Only declared conditions count."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.rules import Get, Rule, collect_rules, rule

from pte_build.choices import Choices
from pte_build.program.declaration import DeclarationRequest, ProgramDeclaration
from pte_build.sdk.files import SdkRoots
from pte_build.targets.pte_program import ProgramUnavailableField
from pte_build.weights.resolution import ResolvedWeights, ResolvedWeightsRequest, UnpinnedCheckpoint


@dataclass(frozen=True)
class AvailabilityRequest(EngineAwareParameter):
    program: Address
    choices: Choices = Choices.SESSION

    def debug_hint(self) -> str:
        return self.program.spec


@dataclass(frozen=True)
class Unavailable:
    """Why a program cannot be built, in the same words on every machine, and what would help."""

    program: Address
    reason: str
    remedy: str

    @property
    def note(self) -> str:
        return f"{self.program} is unavailable: {self.reason}."

    @property
    def refusal(self) -> str:
        return f"{self.note} {self.remedy}"


@dataclass(frozen=True)
class Availability:
    """`unavailable` is None if the program can be built."""

    declaration: ProgramDeclaration
    unavailable: Unavailable | None


@rule
async def find_availability(request: AvailabilityRequest, roots: SdkRoots) -> Availability:
    declaration = await Get(ProgramDeclaration, DeclarationRequest(request.program))
    address = declaration.address
    if declaration.unavailable is not None:
        remedy = (
            f"Its BUILD file says so; build another precision or backend of {declaration.model}, or remove "
            f"`{ProgramUnavailableField.alias}` from {address} to try."
        )
        return Availability(declaration, Unavailable(address, declaration.unavailable, remedy))
    try:
        weights = await Get(
            ResolvedWeights,
            ResolvedWeightsRequest(declaration.weights, address, request.choices),
        )
    except UnpinnedCheckpoint:
        # That is an error where the checkpoint is needed, not a reason.
        weights = None
    if weights is not None and weights.whole_model and weights.source == "seeded":
        reason = (
            f"its checkpoint {declaration.weights} is the whole model, and weights are seeded: there is no "
            "architecture to seed them for"
        )
        remedy = "Build it without --weights-source=seeded."
        return Availability(declaration, Unavailable(address, reason, remedy))
    sdk = declaration.backend.sdk
    chosen = None if sdk is None or request.choices is not Choices.SESSION else roots.find(sdk)
    if sdk is None or chosen is not None:
        return Availability(declaration, None)
    return Availability(declaration, Unavailable(address, sdk.missing_reason, sdk.remedy))


def rules() -> Iterable[Rule]:
    return collect_rules()

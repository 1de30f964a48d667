"""All that BUILD files say about one program, gathered and checked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

from pants.engine.addresses import Address, Addresses, UnparsedAddressInputs
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule
from pants.engine.target import WrappedTarget, WrappedTargetRequest
from pants.util.frozendict import FrozenDict

from pte_build.errors import PteBuildError
from pte_build.sdk.kinds import SdkRequirement
from pte_build.targets.pte_backend import (
    BackendDelegateField,
    BackendLoweringField,
    BackendOptionsField,
    BackendPlatformsField,
    BackendPrecisionsField,
    BackendResolveField,
    BackendRewritesField,
    BackendSdkField,
    BackendSdkVersionField,
    BackendSummaryField,
    PteBackend,
)
from pte_build.targets.pte_program import (
    MaxDelegateCallsField,
    MaxUndelegatedOperatorsField,
    MinDelegatedFractionField,
    ProgramBackendField,
    ProgramBuilderField,
    ProgramBuilderResolveField,
    ProgramInputsField,
    ProgramModelField,
    ProgramOptionsField,
    ProgramOutputPathField,
    ProgramPrecisionField,
    ProgramRewritesField,
    ProgramWeightsField,
    PteProgram,
)


@dataclass(frozen=True)
class Backend:
    """A `pte_backend` target."""

    address: Address
    name: str
    resolve: str
    lowering: Address
    delegate: str | None
    precisions: tuple[str, ...]
    options: FrozenDict[str, str]
    rewrites: tuple[Address, ...]
    sdk: SdkRequirement | None
    platforms: tuple[str, ...]
    summary: str


@dataclass(frozen=True)
class Floor:
    """The delegation floor; None leaves a bound out."""

    max_delegate_calls: int | None
    max_undelegated_operators: int | None
    min_delegated_fraction: float | None


@dataclass(frozen=True)
class Declaration:
    """A `pte_program` target with its backend.

    `options` and `rewrites` are the backend's and the program's together.
    """

    address: Address
    model: str
    weights: Address
    builder: Address
    inputs: tuple[tuple[str, str], ...]
    backend: Backend
    precision: str
    options: FrozenDict[str, str]
    rewrites: tuple[Address, ...]
    resolves: tuple[str, ...]
    floor: Floor
    pte_path: str

    @property
    def family(self) -> str:
        """The folder of the BUILD file, e.g. `mobilenet`."""
        return family_of(self.address)

    @property
    def report_path(self) -> str:
        return report_path(self.pte_path)

    @property
    def tree_path(self) -> str:
        return tree_path(self.address, self.pte_path)


@dataclass(frozen=True)
class DeclarationRequest(EngineAwareParameter):
    """`program` is the address of a `pte_program`; `origin` says who names it, for messages."""

    program: Address
    origin: str = "the command line"

    def debug_hint(self) -> str:
        return self.program.spec


@dataclass(frozen=True)
class BackendRequest(EngineAwareParameter):
    backend: Address
    program: Address


def family_of(program: Address) -> str:
    """The folder of the program's BUILD file, e.g. `mobilenet`."""
    return PurePath(program.spec_path).name


def report_path(pte_path: str) -> str:
    """The report lies beside its program."""
    return str(PurePath(pte_path).with_suffix(".json"))


def tree_path(program: Address, pte_path: str) -> str:
    """Where a program lies below its version's folder, e.g. `mobilenet/mobilenet_v2_xnnpack.pte`."""
    return f"{family_of(program)}/{PurePath(pte_path).name}"


def exactly_one(addresses: Iterable[Address], field: str, owner: Address) -> Address:
    """The only address that a field names. Raises PteBuildError for none or several."""
    found = tuple(addresses)
    if len(found) != 1:
        names = ", ".join(address.spec for address in found) or "nothing"
        raise PteBuildError(f"{owner}: `{field}` must name exactly one target; it names {names}.")
    return found[0]


def choose_precision(program: Address, asked: str | None, backend: Backend) -> str:
    """The precision to lower to. Raises PteBuildError if the backend does not have it."""
    if asked is None:
        return backend.precisions[0]
    if asked not in backend.precisions:
        raise PteBuildError(
            f"{program}: precision {asked!r} is not one that the backend {backend.address} can lower to; it has: "
            f"{', '.join(backend.precisions)}."
        )
    return asked


def sdk_requirement(
    backend: Address, name: str | None, version: str | None
) -> SdkRequirement | None:
    """The SDK that a backend's fields ask for. Raises PteBuildError for one field without the other."""
    if (name is None) != (version is None):
        raise PteBuildError(
            f"{backend}: `{BackendSdkField.alias}` and `{BackendSdkVersionField.alias}` go together; one of them is "
            "missing."
        )
    return SdkRequirement(name, version) if name and version else None


@rule
async def read_backend(request: BackendRequest) -> Backend:
    wrapped = await Get(
        WrappedTarget,
        WrappedTargetRequest(
            request.backend, description_of_origin=f"the `backend` of {request.program}"
        ),
    )
    target = wrapped.target
    if not target.has_field(BackendLoweringField):
        raise PteBuildError(
            f"{request.program}: `backend` names {request.backend}, which is a `{target.alias}` and not a "
            f"`{PteBackend.alias}`."
        )
    if not target[BackendPrecisionsField].value:
        raise PteBuildError(
            f"{target.address}: `{BackendPrecisionsField.alias}` is empty. Name the precisions that "
            "its lowering module can lower to, the default one first."
        )
    lowering, rewrites = await MultiGet(
        Get(
            Addresses,
            UnparsedAddressInputs,
            target[BackendLoweringField].to_unparsed_address_inputs(),
        ),
        Get(
            Addresses,
            UnparsedAddressInputs,
            target[BackendRewritesField].to_unparsed_address_inputs(),
        ),
    )
    return Backend(
        address=target.address,
        name=target.address.target_name,
        resolve=target[BackendResolveField].value or "",
        lowering=exactly_one(lowering, BackendLoweringField.alias, target.address),
        delegate=target[BackendDelegateField].value,
        precisions=target[BackendPrecisionsField].value or (),
        options=target[BackendOptionsField].value or FrozenDict(),
        rewrites=tuple(rewrites),
        sdk=sdk_requirement(
            target.address, target[BackendSdkField].value, target[BackendSdkVersionField].value
        ),
        platforms=target[BackendPlatformsField].value or (),
        summary=target[BackendSummaryField].value or "",
    )


@rule
async def read_declaration(request: DeclarationRequest) -> Declaration:
    wrapped = await Get(
        WrappedTarget, WrappedTargetRequest(request.program, description_of_origin=request.origin)
    )
    target = wrapped.target
    if not target.has_field(ProgramBuilderField):
        raise PteBuildError(
            f"{request.origin} names {request.program}, which is a `{target.alias}` and not a `{PteProgram.alias}`."
        )
    weights, builder, backends, rewrites = await MultiGet(
        Get(
            Addresses,
            UnparsedAddressInputs,
            target[ProgramWeightsField].to_unparsed_address_inputs(),
        ),
        Get(
            Addresses,
            UnparsedAddressInputs,
            target[ProgramBuilderField].to_unparsed_address_inputs(),
        ),
        Get(
            Addresses,
            UnparsedAddressInputs,
            target[ProgramBackendField].to_unparsed_address_inputs(),
        ),
        Get(
            Addresses,
            UnparsedAddressInputs,
            target[ProgramRewritesField].to_unparsed_address_inputs(),
        ),
    )
    address = target.address
    backend = await Get(
        Backend, BackendRequest(exactly_one(backends, ProgramBackendField.alias, address), address)
    )
    builder_resolve = target[ProgramBuilderResolveField].value
    return Declaration(
        address=address,
        model=target[ProgramModelField].value or "",
        weights=exactly_one(weights, ProgramWeightsField.alias, address),
        builder=exactly_one(builder, ProgramBuilderField.alias, address),
        inputs=tuple((target[ProgramInputsField].value or FrozenDict()).items()),
        backend=backend,
        precision=choose_precision(address, target[ProgramPrecisionField].value, backend),
        options=FrozenDict({**backend.options, **(target[ProgramOptionsField].value or {})}),
        rewrites=(*backend.rewrites, *rewrites),
        resolves=(backend.resolve, *((builder_resolve,) if builder_resolve else ())),
        floor=Floor(
            target[MaxDelegateCallsField].value,
            target[MaxUndelegatedOperatorsField].value,
            target[MinDelegatedFractionField].value,
        ),
        pte_path=target[ProgramOutputPathField].pte_path(),
    )


def rules() -> Iterable[Rule]:
    return collect_rules()

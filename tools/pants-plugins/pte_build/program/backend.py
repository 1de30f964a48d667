"""Everything that a BUILD file says about a backend."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.rules import Get, Rule, collect_rules, rule
from pants.util.frozendict import FrozenDict

from pte_build.addresses import KnownTarget, TargetRequest
from pte_build.errors import PteBuildError
from pte_build.sdk.kinds import SdkRequirement
from pte_build.targets.pte_backend import (
    BackendDelegateField,
    BackendDynamicDimensionsField,
    BackendInterpreterField,
    BackendLoweringField,
    BackendOptionsField,
    BackendPlatformsField,
    BackendPrecisionsField,
    BackendResolveField,
    BackendRewritesField,
    BackendSdkField,
    BackendSdkVersionField,
    BackendSizeRatiosField,
    BackendSummaryField,
    PteBackend,
)
from pte_build.targets.pte_program import ProgramBackendField


@dataclass(frozen=True)
class Backend:
    """A `pte_backend` target."""

    address: Address
    name: str
    resolve: str
    lowering: Address
    interpreter: Address | None
    delegate: str | None
    precisions: tuple[str, ...]
    options: FrozenDict[str, str]
    rewrites: tuple[Address, ...]
    sdk: SdkRequirement | None
    platforms: tuple[str, ...]
    summary: str
    max_size_ratios: FrozenDict[str, float] = FrozenDict()
    dynamic_dimensions: bool = False


@dataclass(frozen=True)
class BackendRequest(EngineAwareParameter):
    """`program` names the backend, for messages."""

    backend: Address
    program: Address


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
    target = await Get(
        KnownTarget,
        TargetRequest(
            request.backend,
            PteBackend,
            (BackendLoweringField, BackendInterpreterField, BackendRewritesField),
            ProgramBackendField.alias,
            request.program.spec,
        ),
    )
    if not target[BackendPrecisionsField].value:
        raise PteBuildError(
            f"{target.address}: `{BackendPrecisionsField.alias}` is empty. Name the precisions that "
            "its lowering module can lower to, the default one first."
        )
    return Backend(
        address=target.address,
        name=target.address.target_name,
        resolve=target[BackendResolveField].value or "",
        lowering=target.one(BackendLoweringField),
        interpreter=target.optional(BackendInterpreterField),
        delegate=target[BackendDelegateField].value,
        precisions=target[BackendPrecisionsField].value or (),
        options=target[BackendOptionsField].value or FrozenDict(),
        rewrites=target.all(BackendRewritesField),
        sdk=sdk_requirement(
            target.address, target[BackendSdkField].value, target[BackendSdkVersionField].value
        ),
        platforms=target[BackendPlatformsField].value or (),
        summary=target[BackendSummaryField].value or "",
        max_size_ratios=target[BackendSizeRatiosField].value,
        dynamic_dimensions=target[BackendDynamicDimensionsField].value,
    )


def rules() -> Iterable[Rule]:
    return collect_rules()

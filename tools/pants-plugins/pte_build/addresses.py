"""Look up the target that a field or a command names: check its type and find what its own fields name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from pants.engine.addresses import Address, Addresses, UnparsedAddressInputs
from pants.engine.engine_aware import EngineAwareParameter
from pants.engine.rules import Get, MultiGet, Rule, collect_rules, rule
from pants.engine.target import (
    Field,
    SpecialCasedDependencies,
    Target,
    WrappedTarget,
    WrappedTargetRequest,
)
from pants.util.frozendict import FrozenDict

from pte_build.errors import PteBuildError

F = TypeVar("F", bound=Field)


@dataclass(frozen=True)
class TargetRequest(EngineAwareParameter):
    """Asks for the target at `address`.

    kind: the target type that it must have.
    fields: those of its fields whose addresses are requested.
    field: the alias of the field that names it; empty if no field does.
    owner: the target with that field, or whatever else names it, e.g. `the command line`; for messages.
    """

    address: Address
    kind: type[Target]
    fields: tuple[type[SpecialCasedDependencies], ...] = ()
    field: str = ""
    owner: str = "the command line"

    def debug_hint(self) -> str:
        return self.address.spec


@dataclass(frozen=True)
class KnownTarget:
    """A target of the requested type. `named` maps the alias of each requested field to the addresses that it names."""

    target: Target
    named: FrozenDict[str, tuple[Address, ...]]

    @property
    def address(self) -> Address:
        return self.target.address

    def __getitem__(self, field: type[F]) -> F:
        return self.target[field]

    def all(self, field: type[SpecialCasedDependencies]) -> tuple[Address, ...]:
        """The addresses that a field names."""
        return self.named[field.alias]

    def one(self, field: type[SpecialCasedDependencies]) -> Address:
        """The only address that a field names. Raises PteBuildError for none or several."""
        return exactly_one(self.named[field.alias], field.alias, self.address)

    def optional(self, field: type[SpecialCasedDependencies]) -> Address | None:
        """The only address that a field names, or None. Raises PteBuildError for several."""
        return self.one(field) if self.named[field.alias] else None


def exactly_one(addresses: Iterable[Address], field: str, owner: Address) -> Address:
    """The only address that a field names. Raises PteBuildError for none or several."""
    found = tuple(addresses)
    if len(found) != 1:
        names = ", ".join(address.spec for address in found) or "nothing"
        raise PteBuildError(f"{owner}: `{field}` must name exactly one target; it names {names}.")
    return found[0]


@rule
async def find_target(request: TargetRequest) -> KnownTarget:
    field, owner = request.field, request.owner
    wrapped = await Get(
        WrappedTarget,
        WrappedTargetRequest(
            request.address,
            description_of_origin=f"the `{field}` of {owner}" if field else owner,
        ),
    )
    target = wrapped.target
    if not isinstance(target, request.kind):
        says = f"{owner}: `{field}` names" if field else f"{owner} names"
        raise PteBuildError(
            f"{says} {request.address}, which is a `{target.alias}`, not a `{request.kind.alias}`."
        )
    named = await MultiGet(
        Get(Addresses, UnparsedAddressInputs, target[kind].to_unparsed_address_inputs())
        for kind in request.fields
    )
    return KnownTarget(
        target,
        FrozenDict({kind.alias: tuple(found) for kind, found in zip(request.fields, named)}),
    )


def rules() -> Iterable[Rule]:
    return collect_rules()

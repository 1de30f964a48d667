"""How many targets a field may name."""

from __future__ import annotations

from collections.abc import Iterable

from pants.engine.addresses import Address

from pte_build.errors import PteBuildError


def exactly_one(addresses: Iterable[Address], field: str, owner: Address) -> Address:
    """The only address that a field names. Raises PteBuildError for none or several."""
    found = tuple(addresses)
    if len(found) != 1:
        names = ", ".join(address.spec for address in found) or "nothing"
        raise PteBuildError(f"{owner}: `{field}` must name exactly one target; it names {names}.")
    return found[0]


def at_most_one(addresses: Iterable[Address], field: str, owner: Address) -> Address | None:
    """The only address that a field names, or None. Raises PteBuildError for several."""
    found = tuple(addresses)
    return exactly_one(found, field, owner) if found else None

"""How many targets a field may name."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address

from pte_build.addresses import at_most_one, exactly_one
from pte_build.errors import PteBuildError

OWNER = Address("models/alpha", target_name="alpha_fast")
ONE = Address("models/alpha", target_name="one")
TWO = Address("models/alpha", target_name="two")


def test_one() -> None:
    assert exactly_one([ONE], "weights", OWNER) == ONE
    assert at_most_one([ONE], "weights", OWNER) == ONE


@pytest.mark.parametrize(
    ("addresses", "named"),
    [([], "nothing"), ([ONE, TWO], "models/alpha:one, models/alpha:two")],
    ids=["none", "several"],
)
def test_not_exactly_one(addresses: list[Address], named: str) -> None:
    with pytest.raises(PteBuildError) as caught:
        exactly_one(addresses, "weights", OWNER)
    assert str(caught.value) == (
        f"{OWNER}: `weights` must name exactly one target; it names {named}."
    )


def test_none_may_be_allowed() -> None:
    assert at_most_one([], "weights", OWNER) is None


def test_several_where_one_may_be_named() -> None:
    with pytest.raises(PteBuildError, match="it names models/alpha:one, models/alpha:two"):
        at_most_one([ONE, TWO], "weights", OWNER)

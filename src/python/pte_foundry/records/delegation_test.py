from __future__ import annotations

import pytest

from pte_foundry.errors import PteError
from pte_foundry.records.delegation import Delegation, listed
from pte_foundry.records.json_fields import Fields


def test_the_fraction_is_the_share_that_delegates_run() -> None:
    assert Delegation({"X": 2}, {"a": 1, "b": 2}, 9).delegated_fraction == 0.666667
    assert Delegation({"X": 1}, {}, 9).delegated_fraction == 1.0


def test_the_fraction_is_zero_without_a_delegate_call_and_never_below_zero() -> None:
    assert Delegation({}, {"a": 3}, 9).delegated_fraction == 0.0
    assert Delegation({"X": 0}, {"a": 3}, 9).delegated_fraction == 0.0
    assert Delegation({"X": 1}, {"a": 12}, 9).delegated_fraction == 0.0


def test_json_round_trip() -> None:
    delegation = Delegation({"X": 2}, {"a": 1}, 9)
    assert Delegation.read(Fields(delegation.to_json(), "here")) == delegation


@pytest.mark.parametrize("name", ["calls", "undelegated_total", "delegated_fraction"])
def test_numbers_that_contradict_each_other_are_refused(name: str) -> None:
    section = {**Delegation({"X": 2}, {"a": 1}, 9).to_json(), name: 1000}
    with pytest.raises(PteError, match=f"`{name}` is 1000"):
        Delegation.read(Fields(section, "here"))


def test_counts_are_listed_most_frequent_first_then_by_name() -> None:
    assert listed({"b": 1, "a": 1, "c": 5}) == "c x 5, a x 1, b x 1"
    assert listed({}) == "none"

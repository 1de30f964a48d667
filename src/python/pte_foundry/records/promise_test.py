from __future__ import annotations

import pytest

from pte_foundry.errors import PteError
from pte_foundry.records.delegation import Delegation
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.promise import Floor, Promise, broken_promises, explanation

NO_FLOOR = Floor(None, None, None)
XNNPACK = Promise("XnnpackBackend", NO_FLOOR)
PORTABLE = Promise(None, NO_FLOOR)
LEFT = {"aten::mean.out": 2, "aten::add.out": 1}


@pytest.mark.parametrize(
    ("promise", "delegation"),
    [
        (XNNPACK, Delegation({"XnnpackBackend": 3}, LEFT, 10)),
        (PORTABLE, Delegation({}, LEFT, 3)),
        (Promise("XnnpackBackend", Floor(3, 3, 0.7)), Delegation({"XnnpackBackend": 3}, LEFT, 10)),
    ],
)
def test_a_kept_promise(promise: Promise, delegation: Delegation) -> None:
    assert broken_promises(promise, delegation) == ()


@pytest.mark.parametrize(
    ("promise", "delegates", "reason"),
    [
        (XNNPACK, {}, "never calls the delegate XnnpackBackend"),
        (XNNPACK, {"XnnpackBackend": 0}, "never calls the delegate XnnpackBackend"),
        (XNNPACK, {"XnnpackBackend": 1, "Other": 0}, "names Other x 0"),
        (PORTABLE, {"XnnpackBackend": 1}, "no delegate is promised"),
        (PORTABLE, {"XnnpackBackend": 0}, "no delegate is promised"),
        (Promise("X", Floor(1, None, None)), {"X": 2}, "calls delegates 2 times, but at most 1"),
        (Promise("X", Floor(None, 2, None)), {"X": 1}, "3 operators are left"),
        (Promise("X", Floor(None, None, 0.71)), {"X": 1}, "fraction is 0.7, but at least 0.71"),
        (Promise(None, Floor(None, None, 0.1)), {}, "fraction is 0.0"),
    ],
)
def test_a_broken_promise(promise: Promise, delegates: dict[str, int], reason: str) -> None:
    (sentence,) = broken_promises(promise, Delegation(delegates, LEFT, 10))
    assert reason in sentence


def test_every_breach_is_reported() -> None:
    promise = Promise("X", Floor(0, 0, 1.0))
    assert len(broken_promises(promise, Delegation({"Y": 1}, LEFT, 10))) == 5


def test_the_explanation_names_what_is_left_and_what_to_do() -> None:
    delegation = Delegation({}, LEFT, 10)
    text = explanation(broken_promises(XNNPACK, delegation), delegation)
    assert "aten::mean.out x 2, aten::add.out x 1" in text
    assert "rewrite" in text and "declare the floor in the BUILD file" in text


@pytest.mark.parametrize("fraction", [-0.1, 1.1])
def test_a_floor_that_no_program_could_mean_is_refused(fraction: float) -> None:
    floor = {
        "max_delegate_calls": None,
        "max_undelegated_operators": None,
        "min_delegated_fraction": fraction,
    }
    with pytest.raises(PteError, match="not between 0 and 1"):
        Promise.read(Fields({"delegate": None, "floor": floor}, "here"))

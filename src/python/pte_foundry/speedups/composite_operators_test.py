from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch._export import utils
from torch.export import decomp_utils, exported_program

from pte_foundry.speedups import composite_operators


@pytest.fixture()
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the dispatcher is asked for."""
    calls: list[str] = []
    real: Callable[[str], list[str]] = torch._C._dispatch_get_registrations_for_dispatch_key

    def ask(key: str) -> list[str]:
        calls.append(key)
        return real(key)

    monkeypatch.setattr(torch._C, "_dispatch_get_registrations_for_dispatch_key", ask)
    return calls


def test_the_operators_are_the_same_and_are_asked_for_once(asked: list[str]) -> None:
    expected = utils._collect_all_valid_cia_ops()
    assert len(asked) > 10
    for module in (utils, exported_program, decomp_utils):
        with composite_operators.applied():
            asked.clear()
            assert module._collect_all_valid_cia_ops() == expected
        assert asked == ["CompositeImplicitAutograd"]
        assert len(expected) > 300


def test_an_operator_that_was_registered_since_is_found() -> None:
    with composite_operators.applied():
        before = utils._collect_all_valid_cia_ops()
        with torch.library._scoped_library("composite_test", "DEF") as library:
            library.define("twice(Tensor x) -> Tensor")
            library.impl("twice", lambda x: x + x, "CompositeImplicitAutograd")
            found = utils._collect_all_valid_cia_ops() - before
        assert {str(one) for one in found} == {"composite_test.twice.default"}


def test_a_single_namespace_is_asked_for_as_before(asked: list[str]) -> None:
    with composite_operators.applied():
        utils._collect_all_valid_cia_ops()
        asked.clear()
        utils._collect_all_valid_cia_ops_for_namespace(torch.ops.prims)
    assert len(asked) == 1

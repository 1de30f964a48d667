from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils import _pytree as pytree

from pte_foundry.errors import PteError
from pte_foundry.models.own.outputs import output_names, register_dataclasses
from pte_foundry.testing.own_samples import Pair

_X = torch.zeros(1)


@pytest.mark.parametrize(
    ("returned", "names"),
    [
        (_X, ["output"]),
        ((_X, _X), ["output_0", "output_1"]),
        ({"b": _X, "a": (_X, _X)}, ["b", "a.0", "a.1"]),
        ({"boxes": [{"x": _X}]}, ["boxes.0.x"]),
        (Pair(_X, _X), ["first", "second"]),
        ({"pair": Pair(_X, _X)}, ["pair.first", "pair.second"]),
    ],
)
def test_names_are_in_the_order_of_the_flattened_values(returned: Any, names: list[str]) -> None:
    register_dataclasses(returned)
    assert list(output_names("m", returned, ())) == names
    assert len(pytree.tree_leaves(returned)) == len(names)


def test_declared_names_win() -> None:
    assert output_names("m", {"x": _X, "y": _X}, ["logits", "boxes"]) == ("logits", "boxes")


@pytest.mark.parametrize("declared", [["one"], ["a", "a"], ["a", "b", "c"]])
def test_a_wrong_number_of_names(declared: list[str]) -> None:
    with pytest.raises(PteError, match="^bad-builder: .*returns 2 tensors"):
        output_names("m", (_X, _X), declared)


@pytest.mark.parametrize("value", [None, 3, "text"])
def test_a_value_that_is_not_a_tensor(value: object) -> None:
    with pytest.raises(PteError, match="^bad-builder: .*'loss'"):
        output_names("m", {"loss": value}, ())

from __future__ import annotations

import pytest
import torch
from torch import nn

from pte_foundry.errors import PteError
from pte_foundry.rewrites.structure import copy_structure, expect, replace_all


def test_a_copy_shares_tensors_and_not_structure() -> None:
    original = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    copied = copy_structure(original)
    assert copied is not original and copied[0] is not original[0]
    assert copied[0].weight is original[0].weight
    assert copied[1].running_mean is original[1].running_mean
    copied[0] = nn.Identity()
    assert isinstance(original[0], nn.Linear)


def test_replaces_every_occurrence_once_and_in_the_copy_only() -> None:
    shared = nn.ReLU()
    original = nn.Sequential(shared, nn.Sequential(nn.Linear(1, 1), shared))
    made: list[str] = []

    def make(path: str, child: nn.ReLU) -> nn.Module:
        made.append(path)
        return nn.Tanh()

    rewritten = replace_all("r", original, nn.ReLU, make)
    assert made == ["0"]
    assert rewritten.get_submodule("0") is rewritten.get_submodule("1.1")
    assert isinstance(rewritten.get_submodule("0"), nn.Tanh)
    assert original[0] is shared and original.get_submodule("1.1") is shared


def test_a_bare_module_is_replaced_itself() -> None:
    assert isinstance(replace_all("r", nn.ReLU(), nn.ReLU, lambda *_: nn.Tanh()), nn.Tanh)


def test_nothing_to_replace_is_an_error() -> None:
    with pytest.raises(PteError, match="rewrite r does not fit .* Linear has no ReLU") as caught:
        replace_all("r", nn.Linear(1, 1), nn.ReLU, lambda *_: nn.Tanh())
    assert caught.value.kind == "bad-rewrite"


def test_conditions_that_fail_are_named() -> None:
    expect("r", "x", {"a bias": True})
    with pytest.raises(
        PteError, match=r"x is expected to have a bias, two heads\. Take the rewrite out"
    ):
        expect("r", "x", {"a bias": False, "a weight": bool(torch.ones(1)), "two heads": False})

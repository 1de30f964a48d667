from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pte_foundry.errors import PteError
from pte_foundry.rewrites.surgery import (
    check_unchanged,
    child,
    copy_structure,
    deferred_checks,
    expect,
    number,
    replace,
    replace_all,
    unchecked,
)


class _Output(nn.Module):
    """Channels of a great and of a small range: [1, 2, n] of x, plus `error` on the small one."""

    def __init__(self, error: float = 0.0, great: float = 640.0) -> None:
        super().__init__()
        self.error, self.great = error, great

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack((x * self.great, x + self.error), 1)


_INPUT = (torch.linspace(0, 1, 9).reshape(1, 9),)


def test_a_small_channel_is_not_hidden_by_a_great_one() -> None:
    check_unchanged("it", _Output(), _Output(0.9e-5), _INPUT)
    with pytest.raises(PteError, match="it changes channel 1 of the model's output by 1.1e-05"):
        check_unchanged("it", _Output(), _Output(1.1e-5), _INPUT)
    with pytest.raises(PteError, match="changes channel 0"):
        check_unchanged("it", _Output(), _Output(great=640.01), _INPUT)


def test_outputs_that_are_not_numbers_or_of_another_shape_are_changes() -> None:
    with pytest.raises(PteError, match="nan of its range"):
        check_unchanged("it", _Output(), _Output(float("nan")), _INPUT)
    with pytest.raises(PteError, match=r"from \[1, 2, 9\] to \[1, 2, 1, 9\]"):
        check_unchanged("it", _Output(), nn.Sequential(_Output(), nn.Unflatten(2, (1, 9))), _INPUT)


def test_only_what_is_in_the_block_is_unchecked() -> None:
    with unchecked():
        check_unchanged("it", _Output(), _Output(error=1.0), _INPUT)
    with pytest.raises(PteError, match="it changes channel 1"):
        check_unchanged("it", _Output(), _Output(error=1.0), _INPUT)


class _Counted(_Output):
    """Counts how often it and its copies ran."""

    def __init__(self, error: float = 0.0) -> None:
        super().__init__(error)
        self.runs: list[None] = []

    def __deepcopy__(self, memo: object) -> _Counted:
        other = _Counted(self.error)
        other.runs = self.runs
        return other

    def forward(self, x: Tensor) -> Tensor:
        self.runs.append(None)
        return super().forward(x)


def test_of_a_chain_the_ends_are_compared() -> None:
    models = [_Counted() for _ in range(4)]
    with deferred_checks() as compare:
        for before, after in zip(models, models[1:]):
            check_unchanged("it", before, after, _INPUT)
        assert not any(one.runs for one in models)
    compare()
    assert [len(one.runs) for one in models] == [1, 0, 0, 1]


def test_the_link_at_fault_is_named() -> None:
    first, second, third, fourth = (_Counted(error) for error in (0.0, 0.0, 1.0, 1.0))
    with deferred_checks() as compare:
        check_unchanged("one", first, second, _INPUT)
        check_unchanged("two", second, third, _INPUT)
        check_unchanged("three", third, fourth, _INPUT)
    with pytest.raises(PteError, match="two changes channel 1"):
        compare()


def test_links_that_together_change_too_much_are_refused() -> None:
    first, second, third = (_Output(error) for error in (0.0, 0.9e-5, 1.8e-5))
    with deferred_checks() as compare:
        check_unchanged("one", first, second, _INPUT)
        check_unchanged("two", second, third, _INPUT)
    with pytest.raises(PteError, match="one to two changes channel 1"):
        compare()


def test_checks_of_different_models_are_not_a_chain() -> None:
    with deferred_checks() as compare:
        check_unchanged("one", _Output(), _Output(), _INPUT)
        check_unchanged("two", _Output(), _Output(error=1.0), _INPUT)
    with pytest.raises(PteError, match="two changes channel 1"):
        compare()


def test_after_the_block_checks_do_not_wait() -> None:
    with pytest.raises(ZeroDivisionError), deferred_checks():
        raise ZeroDivisionError
    with pytest.raises(PteError, match="it changes channel 1"):
        check_unchanged("it", _Output(), _Output(error=1.0), _INPUT)


def test_children_and_numbers_are_asked_for_with_their_type() -> None:
    layer = nn.Sequential(nn.ReLU())
    assert isinstance(child(layer, "0", nn.ReLU), nn.ReLU)
    with pytest.raises(PteError, match="a Sequential has ReLU as '0', where Conv2d is expected"):
        child(layer, "0", nn.Conv2d)
    with pytest.raises(PteError, match="has nothing as 'conv'"):
        child(layer, "conv", nn.Conv2d)
    with pytest.raises(PteError, match="a Sequential has no integer 'c'"):
        number(layer, "c")


def test_a_replacement_takes_over_place_and_mode() -> None:
    block = nn.Sequential(nn.ReLU(), nn.SiLU())
    root = nn.ModuleDict({"block": block}).eval()
    old: Any = block[1]
    old.f, old.i = [-1, 3], 1
    replace(root, "block.1", nn.Identity())
    new = block[1]
    assert isinstance(new, nn.Identity) and not new.training
    assert (vars(new)["f"], vars(new)["i"]) == ([-1, 3], 1)


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

from __future__ import annotations

import argparse
import collections
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pte_foundry.errors import PteError
from pte_foundry.models.checkpoints.restricted import load_checkpoint
from pte_foundry.models.checkpoints.values import apply_state
from pte_foundry.models.own.state_dict import plain_state_dict

_STATE = {"a.weight": torch.ones(2), "a.bias": torch.zeros(2)}
_EMA = {"a.weight": torch.full((2,), 3.0), "a.bias": torch.ones(2)}


@pytest.mark.parametrize(
    "content",
    [
        _STATE,
        {"state_dict": _STATE, "epoch": 3},
        {"model": _STATE, "optimizer": {}},
        {"model_state_dict": _STATE},
    ],
)
def test_usual_forms(content: object) -> None:
    assert plain_state_dict(content) == _STATE


class _Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.LayerNorm(2)


@pytest.mark.parametrize(
    "content",
    [
        {"model_state_dict": {f"module.{name}": value for name, value in _STATE.items()}},
        {f"_orig_mod.{name}": value for name, value in _STATE.items()},
        {f"module._orig_mod.{name}": value for name, value in _STATE.items()},
        {"state_dict": {f"_orig_mod.module.{name}": value for name, value in _STATE.items()}},
    ],
)
def test_names_lose_what_wrappers_put_before_them(content: object) -> None:
    net = _Net()
    nn.init.constant_(net.a.weight, 5.0)
    apply_state(net, plain_state_dict(content))
    assert net.a.weight.tolist() == [1.0, 1.0]


def test_a_key_that_is_named() -> None:
    content = {"state_dict": _STATE, "ema": {"model": _EMA}}
    assert plain_state_dict(content) == _STATE
    assert plain_state_dict(content, key="ema/model") == _EMA
    for key, words in (
        ("averaged", "its keys are state_dict, ema"),
        ("ema/x", "its keys are model"),
    ):
        with pytest.raises(ValueError, match=words):
            plain_state_dict(content, key=key)
    with pytest.raises(TypeError, match=r"under ema, found a dict of other things: model \(dict\)"):
        plain_state_dict(content, key="ema")


def test_a_prefix_leaves_others_out() -> None:
    content = {
        **{f"model.{name}": value for name, value in _STATE.items()},
        "loss.w": torch.ones(1),
    }
    assert plain_state_dict(content, prefix="model.") == _STATE
    with pytest.raises(ValueError, match="begins with 'net.'"):
        plain_state_dict(content, prefix="net.")


@pytest.mark.parametrize(
    "content", [[], {}, {"epoch": 3}, {"model": 5}, {"a": torch.ones(1), "b": 1}]
)
def test_anything_but_a_state_dict_is_refused(content: object) -> None:
    with pytest.raises(TypeError):
        plain_state_dict(content)


class _Options:
    """A class of a training script."""

    def __init__(self) -> None:
        self.lr = 0.1


def _envelope() -> dict[str, object]:
    net = _Net()
    optimizer = torch.optim.Adam(net.parameters())
    net.a(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return {
        "model": _STATE,
        "optimizer": optimizer.state_dict(),
        "scheduler": collections.Counter([2, 4]),
        "by_epoch": collections.defaultdict(list, {1: [0.5]}),
        "last": collections.deque([1, 2]),
        "args": argparse.Namespace(lr=0.1, tags={("a", "b"): 1}),
        "options": _Options(),
        "best": np.float32(0.5),
        "history": np.arange(3),
        "where": Path("x/y"),
    }


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("zipped", [True, False])
def test_other_classes_become_records(tmp_path: Path, zipped: bool, protocol: int) -> None:
    path = tmp_path / "m.pth"
    torch.save(_envelope(), path, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
    content = load_checkpoint(path, (), unknown_as_records=True)
    state = plain_state_dict(content)
    assert state.keys() == _STATE.keys()
    assert all(torch.equal(value, _STATE[name]) for name, value in state.items())
    assert isinstance(content, dict)
    assert vars(content["options"]) == {"lr": 0.1}
    assert (
        type(content["options"]) is not _Options and type(content["args"]).__name__ == "Namespace"
    )
    with pytest.raises(PteError, match="^forbidden-pickle"):
        load_checkpoint(path, ())


@pytest.mark.parametrize("zipped", [True, False])
def test_the_values_of_a_pickled_module(tmp_path: Path, zipped: bool) -> None:
    net = nn.Sequential(_Net(), nn.BatchNorm1d(2), nn.Linear(2, 2).half())
    net[1].register_buffer("hidden", torch.ones(1), persistent=False)
    torch.save({"ema": net}, tmp_path / "m.pt", _use_new_zipfile_serialization=zipped)
    content = load_checkpoint(tmp_path / "m.pt", (set,), unknown_as_records=True)
    state = plain_state_dict(content, key="ema")
    expected: dict[str, Tensor] = dict(net.state_dict())
    assert list(state) == list(expected)
    assert all(torch.equal(value, expected[name]) for name, value in state.items())


def test_a_record_that_holds_itself(tmp_path: Path) -> None:
    net = nn.Sequential(nn.ReLU())
    net._modules["1"] = net
    torch.save(net, tmp_path / "m.pt")
    content = load_checkpoint(tmp_path / "m.pt", (), unknown_as_records=True)
    with pytest.raises(ValueError, match="holds itself"):
        plain_state_dict(content)


def test_a_record_in_the_place_of_a_value(tmp_path: Path) -> None:
    torch.save({"state_dict": {"a.weight": _Options(), "a.bias": torch.ones(2)}}, tmp_path / "m.pt")
    content = load_checkpoint(tmp_path / "m.pt", (), unknown_as_records=True)
    with pytest.raises(TypeError, match="_Options"):
        plain_state_dict(content)

from __future__ import annotations

import pytest
import torch

from pte_foundry.models.own.state_dict import plain_state_dict

_STATE = {"a.weight": torch.ones(2), "a.bias": torch.zeros(2)}


@pytest.mark.parametrize(
    "content",
    [
        _STATE,
        {"state_dict": _STATE, "epoch": 3},
        {"model": _STATE, "optimizer": {}},
        {"model_state_dict": {f"module.{name}": value for name, value in _STATE.items()}},
        {f"_orig_mod.{name}": value for name, value in _STATE.items()},
        {f"module._orig_mod.{name}": value for name, value in _STATE.items()},
    ],
)
def test_usual_forms(content: object) -> None:
    assert plain_state_dict(content) == _STATE


@pytest.mark.parametrize(
    "content", [[], {}, {"epoch": 3}, {"model": 5}, {"a": torch.ones(1), "b": 1}]
)
def test_anything_but_a_state_dict_is_refused(content: object) -> None:
    with pytest.raises(TypeError):
        plain_state_dict(content)

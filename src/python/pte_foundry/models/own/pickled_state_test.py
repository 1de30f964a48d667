"""What a pickle may set on a module of an allowed class."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from pte_foundry.errors import PteError
from pte_foundry.models.definition import ModelDefinition
from pte_foundry.models.own import pickled_module
from pte_foundry.testing.hostile.forged_pickles import archive, named, text
from pte_foundry.testing.hostile.odd_checkpoints import saved
from pte_foundry.testing.own_samples import saved_model

_LINEAR = "torch.nn.modules.linear.Linear"
_RELU = "torch.nn.modules.activation.ReLU"
_RAN: list[str] = []


class Careful(nn.Module):
    """Remembers what of it ran."""

    def __init__(self, scale: float = 1.0) -> None:
        _RAN.append("constructor")
        super().__init__()
        self.scale = scale

    def __setstate__(self, state: dict[str, Any]) -> None:
        _RAN.append("state")
        super().__setstate__(state)  # type: ignore[no-untyped-call]

    @property
    def twice(self) -> float:
        return 2 * self.scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.scale


_CAREFUL = f"{Careful.__module__}.Careful"


def _load(path: Path, content: bytes, *more: str) -> ModelDefinition:
    (path / "m.pt").write_bytes(content)
    classes = [_LINEAR, _RELU, "torch.nn.modules.container.Sequential", *more]
    return pickled_module.load(
        saved_model(path / "m.pt", {"x": "float32[1,4]"}, allowed_classes=classes)
    )


def _refusal(path: Path, content: bytes, *more: str) -> str:
    with pytest.raises(PteError) as caught:
        _load(path, content, *more)
    assert caught.value.kind == "bad-checkpoint"
    return caught.value.message


def _layer(state: dict[str, Any]) -> bytes:
    layer = nn.Linear(4, 2)
    vars(layer).update(state)
    return saved(layer)


def test_attributes_that_are_data(tmp_path: Path) -> None:
    data = {"note": "x", "sizes": [1, (2, 3)], "by_name": {"a": None}, "when": True, "kept": {"a"}}
    definition = _load(tmp_path, _layer({**data, "in_features": 4}))
    assert {name: vars(definition.module)[name] for name in data} == data


@pytest.mark.parametrize(
    "name",
    [
        "forward",
        "__call__",
        "_call_impl",
        "eval",
        "extra_repr",
        "__class__",
        "__dict__",
        "register_buffer",
    ],
)
def test_data_in_the_place_of_a_method(tmp_path: Path, name: str) -> None:
    forged = (
        b"\x80\x02" + named(_LINEAR) + b")\x81}(" + text(name) + named(_RELU) + b")\x81u" + b"b."
    )
    message = _refusal(tmp_path, archive(forged))
    assert name in message and "which the class defines" in message


@pytest.mark.parametrize("group", ["_parameters", "_modules", "_buffers"])
@pytest.mark.parametrize("name", ["forward", "eval", "a.b", ""])
def test_names_of_members(tmp_path: Path, group: str, name: str) -> None:
    values = {
        "_parameters": nn.Parameter(torch.ones(1)),
        "_modules": nn.ReLU(),
        "_buffers": torch.ones(1),
    }
    layer = nn.Linear(4, 2)
    vars(layer)[group][name] = values[group]
    message = _refusal(tmp_path, saved(layer))
    assert "Linear" in message and (repr(name) in message or name in message)


@pytest.mark.parametrize(
    ("group", "value"),
    [
        ("_parameters", torch.ones(2)),
        ("_parameters", nn.ReLU()),
        ("_parameters", 1.0),
        ("_buffers", nn.ReLU()),
        ("_buffers", [1.0]),
        ("_modules", torch.ones(2)),
        ("_modules", "x"),
    ],
)
def test_members_of_another_kind(tmp_path: Path, group: str, value: object) -> None:
    layer = nn.Linear(4, 2)
    vars(layer)[group]["x"] = value
    assert group in _refusal(tmp_path, saved(layer))


@pytest.mark.parametrize("group", ["_parameters", "_modules", "_buffers"])
@pytest.mark.parametrize("value", [None, [], "x", 3])
def test_groups_of_another_kind(tmp_path: Path, group: str, value: object) -> None:
    assert f"has no {group}" in _refusal(tmp_path, _layer({group: value}))


@pytest.mark.parametrize(
    "hooks", ["_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_state_dict_hooks"]
)
def test_hooks(tmp_path: Path, hooks: str) -> None:
    message = _refusal(tmp_path, _layer({hooks: OrderedDict({0: nn.ReLU()})}))
    assert f"hooks in {hooks}" in message and "Save it without them" in message


def test_no_constructor_runs_and_no_state_before_all_is_read(tmp_path: Path) -> None:
    content = saved(nn.Sequential(Careful(3.0)))
    _RAN.clear()
    definition = _load(tmp_path, content, _CAREFUL)
    assert len(_RAN) == 1 and "state" in _RAN
    assert definition.module(torch.ones(1, 4)).tolist() == [[3.0] * 4]
    _RAN.clear()
    bad = nn.Sequential(Careful(), nn.Linear(4, 2))
    vars(bad[1])["_buffers"] = None
    content = saved(bad)
    _RAN.clear()
    _refusal(tmp_path, content, _CAREFUL)
    assert not _RAN


def test_a_property_is_not_an_attribute(tmp_path: Path) -> None:
    module = Careful()
    vars(module)["twice"] = 5.0
    assert "twice" in _refusal(tmp_path, saved(module), _CAREFUL)


@pytest.mark.parametrize("instruction", [b"R", b"\x81"])
def test_a_class_is_not_constructed_with_arguments(tmp_path: Path, instruction: bytes) -> None:
    forged = (
        b"\x80\x02" + named(_CAREFUL) + b"G" + b"\x40" + bytes(7) + b"\x85" + instruction + b"."
    )
    _RAN.clear()
    assert "Careful" in _refusal(tmp_path, archive(forged), _CAREFUL)
    assert not _RAN


def test_a_module_that_holds_itself(tmp_path: Path) -> None:
    module = nn.Sequential(nn.ReLU())
    module._modules["1"] = module
    _refusal(tmp_path, saved(module))


@pytest.mark.parametrize("value", ["nan", "inf"])
@pytest.mark.parametrize("place", ["weight", "attribute"])
def test_values_that_are_not_finite(tmp_path: Path, value: str, place: str) -> None:
    layer = nn.Linear(4, 2)
    if place == "weight":
        nn.init.constant_(layer.weight, float(value))
    else:
        vars(layer)["attribute"] = torch.tensor([float("nan")])
    assert f"NaN or infinity: {place}" in _refusal(tmp_path, saved(layer))


@pytest.mark.parametrize("name", ["torch.fx.GraphModule", "torch.jit.ScriptModule"])
def test_classes_whose_attributes_are_code(tmp_path: Path, name: str) -> None:
    with pytest.raises(PteError, match="^bad-builder: .*hold code"):
        _load(tmp_path, saved(nn.ReLU()), name)

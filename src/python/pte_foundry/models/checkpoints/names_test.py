from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch import Tensor, nn

from pte_foundry.models.checkpoints.names import fitted, nearest

NAMES = ("conv.weight", "block.0.fc.weight", "block.0.fc.bias")


def state(*names: str) -> dict[str, Tensor]:
    return {name: torch.full((1,), float(number)) for number, name in enumerate(names)}


@pytest.mark.parametrize(
    "before",
    [
        "",
        "module.",
        "_orig_mod.",
        "module._orig_mod.",
        "_orig_mod.module.",
        "module.module.",
        "model.",
        "model._orig_mod.",
        "_orig_mod.model.module.",
        "net.backbone.",
        "_fsdp_wrapped_module.",
    ],
)
def test_prefixes_in_any_order(before: str) -> None:
    found = fitted(state(*(before + name for name in NAMES)), NAMES)
    assert list(found.items()) == list(state(*NAMES).items())


def test_wrappers_inside() -> None:
    inside = (
        "conv.weight",
        "block._orig_mod.0._checkpoint_wrapped_module.fc.weight",
        "block.0.fc.bias",
    )
    assert list(fitted(state(*inside), NAMES)) == list(NAMES)
    # DataParallel around a part, as the ImageNet example of PyTorch does it with VGG.
    parallel = ("features.module.0.weight", "classifier.weight")
    assert list(fitted(state(*parallel), ("features.0.weight", "classifier.weight"))) == [
        "features.0.weight",
        "classifier.weight",
    ]


def test_a_model_with_such_names_of_its_own() -> None:
    own = ("module.weight", "module.bias")
    assert list(fitted(state(*own), own)) == list(own)
    twice = ("module.module.weight", "module.module.bias")
    assert list(fitted(state(*twice), own)) == list(own)


def test_names_of_another_model_are_left_alone() -> None:
    others = ("module.a", "module.b")
    assert list(fitted(state(*others), NAMES)) == list(others)
    # Not when two names would become one.
    two = ("module.conv.weight", "conv.weight")
    assert list(fitted(state(*two), NAMES)) == list(two)


def test_what_is_behind_a_prefix_with_others_beside_it_is_no_rule_for_all_names() -> None:
    names = ("model.conv.weight", "loss.weight")
    assert list(fitted(state(*names), ("conv.weight",))) == list(names)


def test_averaged_models_count() -> None:
    averaged = state("n_averaged", *(f"module.{name}" for name in NAMES))
    assert list(fitted(averaged, NAMES)) == list(NAMES)
    # A model that counts itself keeps it; beside other names it is not the one of AveragedModel.
    assert "n_averaged" in fitted(averaged, ("n_averaged", *NAMES))
    assert "n_averaged" in fitted(state("n_averaged", "x.y"), NAMES)


def test_versions_of_modules_are_renamed_too() -> None:
    saved = nn.DataParallel(nn.Sequential(nn.BatchNorm2d(2))).state_dict()
    found = fitted(saved, nn.Sequential(nn.BatchNorm2d(2)).state_dict())
    versions = vars(found)["_metadata"]
    assert versions["0"] == {"version": 2} and versions[""] == {"version": 1}


@pytest.mark.parametrize("odd", [None, [], {"": 3}, {"": {"version": "x"}}, {3: {"version": 1}}])
def test_versions_that_are_none(odd: object) -> None:
    saved = OrderedDict(state(*NAMES))
    vars(saved)["_metadata"] = odd
    assert not vars(fitted(saved, NAMES)).get("_metadata")


def test_nearest() -> None:
    others = ["layer1.conv.weight", "layer1.conv.bias", "layer2.conv.weight", "fc.weight"]
    assert nearest("layers1.conv.weight", others) == ["layer1.conv.weight", "layer2.conv.weight"]
    assert nearest("zzz", others) == []
    assert nearest("x" * 1_000_000, ["x" * 1_000_000] * 3) == []

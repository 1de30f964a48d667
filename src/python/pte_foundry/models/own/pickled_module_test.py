from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from pte_foundry.errors import PteError
from pte_foundry.models.own import pickled_module
from pte_foundry.testing.own_samples import PICTURE, Classifier, saved_model, seeded_model

_CLASSES = [
    "pte_foundry.testing.own_samples.Classifier",
    "torch.nn.modules.conv.Conv2d",
    "torch.nn.modules.batchnorm.BatchNorm2d",
    "torch.nn.modules.linear.Linear",
]


def _error(path: Path, classes: list[str]) -> PteError:
    with pytest.raises(PteError) as caught:
        pickled_module.load(saved_model(path, PICTURE, allowed_classes=classes))
    return caught.value


@pytest.fixture()
def path(tmp_path: Path) -> Path:
    torch.save(seeded_model(Classifier), tmp_path / "m.pt")
    return tmp_path / "m.pt"


def test_allowed_classes(path: Path) -> None:
    definition = pickled_module.load(saved_model(path, PICTURE, allowed_classes=_CLASSES))
    image = torch.randn(1, 3, 8, 8)
    assert torch.equal(definition.module(image), seeded_model(Classifier)(image))


@pytest.mark.parametrize("left_out", range(len(_CLASSES)))
def test_each_class_has_to_be_allowed(path: Path, left_out: int) -> None:
    error = _error(path, _CLASSES[:left_out] + _CLASSES[left_out + 1 :])
    assert error.kind == "forbidden-pickle"
    assert _CLASSES[left_out] in error.message and "`allowed_classes`" in error.message


@pytest.mark.parametrize("name", ["os.system", "builtins.eval", "collections.OrderedDict"])
def test_what_is_not_a_module_cannot_be_allowed(path: Path, name: str) -> None:
    error = _error(path, [name])
    assert error.kind == "bad-builder" and name in error.message


@pytest.mark.parametrize("name", ["no.such.Module", "torch.nn.NoSuchLayer", "Plain", ""])
def test_names_that_cannot_be_imported(path: Path, name: str) -> None:
    error = _error(path, [name])
    assert error.kind == "bad-builder" and repr(name) in error.message


def test_a_state_dict_is_not_a_module(tmp_path: Path) -> None:
    torch.save(nn.Linear(1, 1).state_dict(), tmp_path / "m.pt")
    assert _error(tmp_path / "m.pt", []).kind == "bad-checkpoint"

"""Checkpoints in ultralytics' form, of a small model, written without ultralytics.

Classes are made on the spot with the names of the real ones, and are gone when the file is read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pte_foundry.errors import PteError
from pte_foundry.models.checkpoints.restricted import load_checkpoint
from pte_foundry.models.checkpoints.values import apply_state
from pte_foundry.models.ultralytics_checkpoint import RECORD_CLASSES, state_of_checkpoint

_NAMES = {"ultralytics.nn.modules.conv": "Conv", "ultralytics.nn.tasks": "DetectionModel"}


def _classes() -> dict[str, type[nn.Module]]:
    return {
        name: type(name, (nn.Module,), {"__module__": module, "__qualname__": name})
        for module, name in _NAMES.items()
    }


def _model(classes: dict[str, type[nn.Module]], act: nn.Module | None = None) -> nn.Module:
    torch.manual_seed(1)
    conv, model = classes["Conv"](), classes["DetectionModel"]()
    conv.conv, conv.bn = nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4)
    conv.act = nn.SiLU() if act is None else act
    conv.register_buffer("scratch", torch.ones(2), persistent=False)
    model.model = nn.Sequential(conv)
    model.names = {0: "person"}  # type: ignore[assignment]
    return model


@pytest.fixture()
def save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    """Pickle with the classes importable, then read back with the real allow-list without them."""

    def _save(make: Callable[[dict[str, type[nn.Module]]], dict[str, Any]]) -> object:
        path = tmp_path / "model.pt"
        classes = _classes()
        with monkeypatch.context() as patch:
            for package in ("ultralytics", "ultralytics.nn", "ultralytics.nn.modules", *_NAMES):
                fake = ModuleType(package)
                if package in _NAMES:
                    setattr(fake, _NAMES[package], classes[_NAMES[package]])
                patch.setitem(sys.modules, package, fake)
            torch.save(make(classes), path)
        return load_checkpoint(path, RECORD_CLASSES)

    return _save


def test_reads_half_precision_modules_as_float32(save: Callable[..., Any]) -> None:
    content = save(lambda classes: {"model": _model(classes).half(), "ema": None, "epoch": -1})
    structure = _model(_classes())
    expected = {name: value.clone() for name, value in structure.state_dict().items()}
    state = state_of_checkpoint(content, structure)
    assert list(state) == list(expected) and "model.0.scratch" not in state
    apply_state(structure, state)
    for name, value in structure.state_dict().items():
        assert value.dtype == expected[name].dtype
        assert torch.equal(value, expected[name].half().to(value.dtype))


def test_prefers_the_averaged_weights(save: Callable[..., Any]) -> None:
    def make(classes: dict[str, type[nn.Module]]) -> dict[str, Any]:
        averaged = _model(classes)
        averaged.model[0].bn.weight.data.fill_(7.0)  # type: ignore[index,union-attr]
        return {"model": _model(classes), "ema": averaged}

    state = state_of_checkpoint(save(make), _model(_classes()))
    assert state["model.0.bn.weight"].tolist() == [7.0] * 4


def test_another_activation_is_refused_though_the_tensors_fit(save: Callable[..., Any]) -> None:
    content = save(lambda classes: {"model": _model(classes, nn.Identity())})
    with pytest.raises(ValueError, match=r"model\.0\.act is Identity instead of SiLU"):
        state_of_checkpoint(content, _model(_classes()))


def test_other_settings_are_refused_where_they_are_compared(save: Callable[..., Any]) -> None:
    def make(classes: dict[str, type[nn.Module]]) -> dict[str, Any]:
        model = _model(classes)
        convolution = model.model[0].conv  # type: ignore[index,union-attr]
        convolution.stride, convolution.padding = (2, 2), [0, 0]
        model.model[0].bn.eps = 1e-3  # type: ignore[index,union-attr]
        model.model[0].bn.momentum = 0.5  # type: ignore[index,union-attr]
        return {"model": model}

    content, structure = save(make), _model(_classes())
    assert state_of_checkpoint(content, structure)
    with pytest.raises(ValueError, match="2 modules differ") as caught:
        state_of_checkpoint(content, structure, settings=True)
    assert "model.0.conv has stride (2, 2) instead of (1, 1)" in str(caught.value)
    assert "model.0.bn has eps 0.001 instead of 1e-05" in str(caught.value)


def test_folded_batch_norm_is_refused_by_name(save: Callable[..., Any]) -> None:
    def make(classes: dict[str, type[nn.Module]]) -> dict[str, Any]:
        model = _model(classes)
        del model.model[0].bn  # type: ignore[index,union-attr]
        return {"model": model}

    with pytest.raises(ValueError, match=r"model\.0\.bn is absent instead of BatchNorm2d"):
        state_of_checkpoint(save(make), _model(_classes()))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "expected ultralytics' checkpoint"),
        ({"weights": 1}, "expected ultralytics' checkpoint"),
        ({"model": {"a": torch.ones(1)}}, "expected a pickled model, found a dict"),
    ],
)
def test_other_contents_are_refused(content: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        state_of_checkpoint(content, nn.Identity())


def _record(cls: str, children: dict[str, Any]) -> Any:
    record = next(one for one in RECORD_CLASSES if one.__name__ == cls)()
    record.__setstate__({"_modules": children, "_parameters": {}, "_buffers": {}})  # type: ignore[attr-defined]
    return record


def _nested(depth: int) -> nn.Sequential:
    return nn.Sequential(*([_nested(depth - 1)] if depth else []))


def test_a_record_that_holds_itself() -> None:
    record = _record("Sequential", {})
    record._modules["0"] = record
    with pytest.raises(ValueError, match=r"0\.0\.0 is Sequential instead of absent"):
        state_of_checkpoint({"model": record}, _nested(2))


def test_a_record_on_a_million_paths() -> None:
    record = _record("Sequential", {})
    for _ in range(60):
        record = _record("Sequential", {"0": record, "1": record})
    with pytest.raises(ValueError, match="3 modules differ") as caught:
        state_of_checkpoint({"model": record}, _nested(1))
    assert "0.0 is Sequential instead of absent" in str(caught.value)


@pytest.mark.parametrize("averaged", [torch.ones(3), {}, 1, "x"])
def test_averaged_weights_that_are_not_a_model(averaged: object) -> None:
    with pytest.raises(TypeError, match="expected a pickled model"):
        state_of_checkpoint({"ema": averaged, "model": _record("Conv", {})}, nn.Identity())


class _Runs:
    """A pickle that calls a function when it is read."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def test_code_in_a_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.pt"
    torch.save({"model": _Runs(os.mkdir, str(tmp_path / "made"))}, path)
    with pytest.raises(PteError, match="^forbidden-pickle: .*mkdir"):
        load_checkpoint(path, RECORD_CLASSES)
    assert not (tmp_path / "made").exists()


def test_an_allowed_class_takes_no_arguments(save: Callable[..., Any]) -> None:
    # The real DetectionModel would evaluate the text of `activation`.
    with pytest.raises(PteError, match="^bad-checkpoint: .*takes no arguments"):
        save(lambda classes: {"model": _Runs(classes["DetectionModel"], {"activation": "boom()"})})


def test_no_allowed_class_is_a_real_one() -> None:
    for cls in RECORD_CLASSES:
        assert cls is set or not issubclass(cls, (nn.Module, Tensor))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not a dict of attributes"):
        next(iter(RECORD_CLASSES))().__setstate__((1, 2))  # type: ignore[attr-defined]

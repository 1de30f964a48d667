"""Checkpoints in the form of `yolo train`, written without ultralytics: layers of the right classes, next to no values.

They are recognised as the real ones are. No program can be built from them, since their layers are empty.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

_BLOCKS = "ultralytics.nn.modules"
_TASKS = "ultralytics.nn.tasks"
_V8 = (
    "Conv Conv C2f Conv C2f Conv C2f Conv C2f SPPF "
    "Upsample Concat C2f Upsample Concat C2f Conv Concat C2f Conv Concat C2f"
)
LAYERS: Mapping[str, str] = {
    "yolov5": "Conv Conv C3 Conv C3 Conv C3 Conv C3 SPPF "
    "Conv Upsample Concat C3 Conv Upsample Concat C3 Conv Concat C3 Conv Concat C3",
    "yolov8": _V8,
    "yolo11": _V8.replace("C2f", "C3k2").replace("SPPF", "SPPF C2PSA"),
    "yolov8-cls": "Conv Conv C2f Conv C2f Conv C2f Conv C2f",
    "yolo11-cls": "Conv Conv C3k2 Conv C3k2 Conv C3k2 Conv C3k2 C2PSA",
}
"""Classes of the layers before the head, by family."""


def trained_model(
    layers: str = LAYERS["yolo11"],
    head: str = "Detect",
    model: str = "DetectionModel",
    scale: str = "n",
    names: Mapping[int, str] | Sequence[str] = ("bolt", "nut", "washer"),
    direct: bool = False,
    key_points: tuple[int, int] | None = None,
    pooling: type[nn.Module] = nn.SiLU,
    **yaml: Any,
) -> nn.Module:
    """A model; pickle it within `importable(model)`.

    Args:
        layers: classes before the head.
        direct: with the branches of a head that needs no suppression.
        pooling: the activation before the pooling of the pyramid.
        yaml: more of the model's `yaml`.
    """
    made = [_layer(name, pooling) for name in layers.split()]
    last = _module(_BLOCKS, head)
    if key_points is not None:
        last.kpt_shape = list(key_points)  # type: ignore[assignment]
    if direct:
        last.one2one_cv2 = nn.ModuleList([nn.Conv2d(1, 1, 1)])
    whole = _module(_TASKS, model)
    whole.model = nn.Sequential(*made, last)
    described = {"nc": len(names), "scale": scale, "yaml_file": "yolo.yaml", **yaml}
    vars(whole).update(
        yaml=described, names=dict(enumerate(names)) if isinstance(names, tuple) else names
    )
    return whole


def save_trained(
    path: Path, model: nn.Module, where: str = "model", size: object = 640, **content: object
) -> None:
    """As the trainer writes it: `ema` while it trains, `model` when the optimizer was stripped."""
    envelope = {
        "epoch": -1,
        "model": None,
        "ema": None,
        "optimizer": None,
        "train_args": {"imgsz": size, "task": "detect"},
        "license": "AGPL-3.0 License (https://ultralytics.com/license)",
        where: model.half(),
        **content,
    }
    with importable(model):
        torch.save(envelope, path)


@contextmanager
def importable(model: nn.Module) -> Iterator[None]:
    """While its classes are pickled, they are found where they say that they are."""
    before = dict(sys.modules)
    try:
        for one in model.modules():
            where = type(one).__module__
            if not where.startswith("ultralytics"):
                continue
            parts = where.split(".")
            for count in range(1, len(parts) + 1):
                name = ".".join(parts[:count])
                sys.modules.setdefault(name, ModuleType(name))
            setattr(sys.modules[where], type(one).__name__, type(one))
        yield
    finally:
        for name in set(sys.modules) - set(before):
            if name.startswith("ultralytics"):
                del sys.modules[name]


def _layer(name: str, pooling: type[nn.Module]) -> nn.Module:
    if name == "Upsample":
        return nn.Upsample(None, 2, "nearest")
    layer = _module(_BLOCKS, name)
    if name == "Conv":
        layer.conv = nn.Conv2d(3, 16, 1)
    if name == "SPPF":
        layer.cv1 = _module(_BLOCKS, "Conv")
        layer.cv1.act = pooling()
    return layer


def _module(where: str, name: str) -> nn.Module:
    return _class(where, name)()


@cache
def _class(where: str, name: str) -> type[nn.Module]:
    return type(name, (nn.Module,), {"__module__": where, "__qualname__": name})

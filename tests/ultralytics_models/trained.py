"""Checkpoints as `yolo train` writes them, made with ultralytics itself."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import nn

_CLASSES = {
    "": "DetectionModel",
    "seg": "SegmentationModel",
    "pose": "PoseModel",
    "cls": "ClassificationModel",
    "obb": "OBBModel",
}


def new_model(architecture: str, names: list[str], key_points: tuple[int, int] = (17, 3)) -> Any:
    """With values as after some training: no statistic is what it was at the start."""
    from ultralytics.nn import tasks  # type: ignore[import-not-found]  # pants: no-infer-dep

    task = architecture.partition("-")[2]
    more = {"data_kpt_shape": key_points} if task == "pose" else {}
    torch.manual_seed(0)
    model = getattr(tasks, _CLASSES[task])(
        f"{architecture}.yaml", nc=len(names), verbose=False, **more
    )
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0.0, 0.1)  # type: ignore[union-attr]
            layer.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
            layer.weight.data.uniform_(0.5, 1.5)
            layer.bias.data.normal_(0.0, 0.1)
    model.names = dict(enumerate(names))
    return model


def save_as_trainer(path: Path, model: Any, size: int | list[int], finished: bool = True) -> None:
    """`last.pt` of a running training, or of a finished one, without its optimizer."""
    from ultralytics.utils import IterableSimpleNamespace  # type: ignore[import-not-found]  # pants: no-infer-dep
    from ultralytics.utils.torch_utils import strip_optimizer  # type: ignore[import-not-found]  # pants: no-infer-dep

    arguments = {"imgsz": size, "task": model.task if hasattr(model, "task") else None, "epochs": 3}
    averaged = copy.deepcopy(model).half()
    averaged.args = IterableSimpleNamespace(**arguments)
    moments = {"step": torch.tensor(3.0), "exp_avg": torch.zeros(3, dtype=torch.float16)}
    torch.save(
        {
            "epoch": 2,
            "best_fitness": 0.5,
            "model": None,
            "ema": averaged,
            "updates": 30,
            "modelopt": None,
            "optimizer": {"state": {0: moments}, "param_groups": [{"lr": 0.01, "params": [0]}]},
            "scaler": {},
            "train_args": arguments,
            "train_metrics": {"fitness": 0.5},
            "train_results": {"epoch": [1.0, 2.0]},
            "date": "2026-01-01T00:00:00",
            "version": "8.4.190",
            "license": "AGPL-3.0 (https://ultralytics.com/license)",
        },
        path,
    )
    if finished:
        strip_optimizer(path)

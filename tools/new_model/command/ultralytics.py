"""Checkpoints of ultralytics, recognised by their records: what they are, and the way that works."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from new_model.command.outline import Outline
from pte_foundry.models.checkpoints.pickle_reader import InertRecord
from pte_foundry.models.checkpoints.refusal import shown
from workspace.errors import ToolError

_TASKS = {
    "DetectionModel": "detector",
    "SegmentationModel": "segmentation model",
    "PoseModel": "pose model",
    "ClassificationModel": "classifier",
    "OBBModel": "detector of rotated boxes",
}
_PACKAGES = ("ultralytics.", "models.yolo.", "models.common.")
"""Of ultralytics, and of its older repository yolov5, whose modules have no package."""
_COCO = 80


def check_not_ultralytics(path: Path, outline: Outline) -> None:
    """Raises ToolError for a checkpoint that `yolo train` wrote, with the commands that lead to programs."""
    if not any(name.startswith(_PACKAGES) for name in outline.unknown):
        return
    model = _model(outline.content)
    if model is None:
        return
    task = _TASKS.get(type(model).__name__, shown(type(model).__name__))
    classes, sides = _classes(model), _sides(model, outline.content)
    of = f" with {classes} classes" if classes else ""
    at = f", trained at {'x'.join(map(str, dict.fromkeys(sides)))} pixels" if sides else ""
    height, width = sides or (640, 640)
    size = f"{height}" if height == width else f"{height},{width}"
    name = shown(path.name, 100)
    script = f"{shown(path.stem, 100)}.torchscript"
    coco = (
        " If it is a fine-tuned yolo11n, yolov8n or yolov5nu with COCO's classes, it can also be a substitute for the "
        "weights of models/yolo (docs/weights.md)."
        if classes == _COCO and task == "detector"
        else ""
    )
    raise ToolError(
        f"{shown(path, 200)}: an ultralytics checkpoint: a {task}{of}{at}. It pickles whole modules of that package, "
        "of which nothing is run here. Where ultralytics is installed, make TorchScript of it:\n"
        f"    yolo export model={name} format=torchscript imgsz={size}\n"
        f"    ./foundry new --from {script} --inputs image=1,3,{height},{width}\n"
        f"Both names and the size are yours to change.{coco}"
    )


def _model(content: object) -> InertRecord | None:
    """The model that ultralytics would use: the averaged one if the file has it."""
    if isinstance(content, InertRecord):
        return content
    if isinstance(content, Mapping):
        for key in ("ema", "model"):
            if isinstance(content.get(key), InertRecord):
                return content[key]  # type: ignore[no-any-return]
    return None


def _classes(model: InertRecord) -> int | None:
    attributes = vars(model)
    yaml = attributes.get("yaml")
    for count in (
        attributes.get("nc"),
        yaml.get("nc") if isinstance(yaml, Mapping) else None,
        len(names) if isinstance(names := attributes.get("names"), (Mapping, list)) else None,
    ):
        if isinstance(count, int) and count > 0:
            return count
    return None


def _sides(model: InertRecord, content: object) -> tuple[int, int] | None:
    """Height and width of the pictures that it was trained on."""
    train: Any = content.get("train_args") if isinstance(content, Mapping) else None
    for settings in (train, vars(model).get("args")):
        size = settings.get("imgsz") if isinstance(settings, Mapping) else None
        sides = size if isinstance(size, list) else [size, size]
        if len(sides) == 2 and all(isinstance(one, int) and one > 0 for one in sides):
            return sides[0], sides[1]
    return None

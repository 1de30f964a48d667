"""Checkpoints of ultralytics, recognised by their records: which model was trained, or the way that works."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from new_model.command.outline import Outline, is_module
from pte_foundry.models.checkpoints.pickle_reader import InertRecord
from pte_foundry.models.checkpoints.refusal import shown
from workspace.errors import ToolError

_TASKS = {
    "DetectionModel": ("", "detector"),
    "SegmentationModel": ("-seg", "segmentation model"),
    "PoseModel": ("-pose", "pose model"),
    "ClassificationModel": ("-cls", "classifier"),
    "OBBModel": ("-obb", "detector of rotated boxes"),
}
"""By class: the end of the architecture's name, and what people call it."""
_PACKAGES = ("ultralytics.", "models.yolo.", "models.common.")
"""Of ultralytics, and of its older repository yolov5, whose modules have no package."""
_V8 = "Conv Conv C2f Conv C2f Conv C2f Conv C2f"
_11 = _V8.replace("C2f", "C3k2")
_PYRAMID = "Upsample Concat {0} Upsample Concat {0} Conv Concat {0} Conv Concat {0}"
# Without the head. Pyramids of more or fewer levels, and other blocks, are other architectures.
_LAYERS = {
    f"{_V8.replace('C2f', 'C3')} SPPF "
    + _PYRAMID.format("C3").replace("Upsample", "Conv Upsample"): "yolov5",
    f"{_V8} SPPF {_PYRAMID.format('C2f')}": "yolov8",
    f"{_11} SPPF C2PSA {_PYRAMID.format('C3k2')}": "yolo11",
    _V8: "yolov8",
    f"{_11} C2PSA": "yolo11",
}
_ALL = frozenset({"yolov8", "yolo11", "yolo26"})
"""Families that have every task; YOLOv5u has detectors only."""
STRIDE = 32
"""Pixels of the largest cells, of which a side of the picture is a multiple."""
_USUAL_SIDE = {"-cls": 224}
_COLOURS = 3


@dataclass(frozen=True)
class Trained:
    """A model that `yolo train` wrote.

    Attributes:
        architecture: family, scale and task, such as `yolo11n-seg`.
        about: what it is, in words.
        classes: how many.
        labels: their names, in order; empty if the file has none that fit.
        size: height and width of the pictures that it was trained on.
        key_points: of a pose model, how many, and the numbers of each.
        activated_pooling: whether an activation is before the pyramid's pooling.
        layers: how many there are at the top, the head included.
        license: what the file says of it, as SPDX; None if it says nothing.
        model: its record in the file.
    """

    architecture: str
    about: str
    classes: int
    labels: tuple[str, ...]
    size: tuple[int, int]
    key_points: tuple[int, int] | None
    activated_pooling: bool
    layers: int
    license: str | None
    model: InertRecord

    @property
    def family(self) -> str:
        return self.architecture.partition("-")[0][:-1]

    @property
    def task(self) -> str:
        """The end of its architecture's name, such as `-seg`; empty of a detector."""
        return "".join(self.architecture.partition("-")[1:])


def read_trained(path: Path, outline: Outline) -> Trained | None:
    """None for a file that is not ultralytics'.

    Raises:
        ToolError: for one whose model cannot be built here, with the commands that lead to programs.
    """
    if not any(name.startswith(_PACKAGES) for name in outline.unknown):
        return None
    content = outline.content
    model = _model(content)
    if model is None:
        return None
    try:
        return _read(model, content)
    except _OtherModel as other:
        raise _way_out(path, model, content, str(other)) from None


class _OtherModel(Exception):
    """Why a model cannot be built here."""


def _read(model: InertRecord, content: object) -> Trained:
    name = type(model).__name__
    if name not in _TASKS:
        raise _OtherModel(f"Models of the class {shown(name)} are not built here")
    end, about = _TASKS[name]
    if isinstance(content, Mapping) and content.get("modelopt"):
        raise _OtherModel("It was trained with simulated quantization, which is not built here")
    layers = _children(_children(model).get("model"))
    if not layers:
        raise _OtherModel("It has no list of layers")
    *body, head = layers.values()
    family = _LAYERS.get(" ".join(type(one).__name__ for one in body))
    if any(child.startswith("one2one_") for child in _children(head)) and family == "yolo11":
        family = "yolo26"
    if family is None or (end and family not in _ALL):
        raise _OtherModel("Its layers are not those of YOLOv5u, YOLOv8, YOLO11 or YOLO26")
    yaml = vars(model).get("yaml")
    scale = yaml.get("scale") if isinstance(yaml, Mapping) else None
    if scale not in ("n", "s", "m", "l", "x"):
        raise _OtherModel("It does not say which scale it has: n, s, m, l or x")
    if isinstance(yaml, Mapping) and yaml.get("channels", _COLOURS) != _COLOURS:
        raise _OtherModel(
            f"It takes {shown(yaml['channels'])} channels, and not red, green and blue"
        )
    classes = _classes(model)
    if classes is None:
        raise _OtherModel("It does not say how many classes it has")
    points = _pair(vars(head).get("kpt_shape"))
    if end == "-pose" and (points is None or points[1] not in (2, 3)):
        raise _OtherModel("It does not say which key points it has")
    side = _USUAL_SIDE.get(end, 640)
    return Trained(
        f"{family}{scale}{end}",
        about,
        classes,
        _labels(model, classes),
        _sides(model, content) or (side, side),
        points if end == "-pose" else None,
        _activated_pooling(body),
        len(layers),
        _license(content),
        model,
    )


def _way_out(path: Path, model: InertRecord, content: object, why: str) -> ToolError:
    about = _TASKS.get(type(model).__name__, ("", shown(type(model).__name__)))[1]
    classes, sides = _classes(model), _sides(model, content)
    of = f" with {classes} classes" if classes else ""
    at = f", trained at {'x'.join(map(str, dict.fromkeys(sides)))} pixels" if sides else ""
    height, width = sides or (640, 640)
    size = f"{height}" if height == width else f"{height},{width}"
    name = shown(path.name, 100)
    script = f"{shown(path.stem, 100)}.torchscript"
    return ToolError(
        f"{shown(path, 200)}: an ultralytics checkpoint: a {about}{of}{at}. {why}, and nothing of the file is run. "
        "Where ultralytics is installed, make TorchScript of it:\n"
        f"    yolo export model={name} format=torchscript imgsz={size}\n"
        f"    ./foundry new --from {script} --inputs image=1,3,{height},{width}\n"
        "Both names and the size are yours to change."
    )


def _model(content: object) -> InertRecord | None:
    """The model that ultralytics would use: the averaged one if the file has it."""
    if isinstance(content, InertRecord):
        return content if is_module(content) else None
    if isinstance(content, Mapping):
        for key in ("ema", "model"):
            if isinstance(content.get(key), InertRecord):
                return content[key]  # type: ignore[no-any-return]
    return None


def _children(record: object) -> dict[str, InertRecord]:
    """The modules directly in a module, by name; none of anything else."""
    modules = vars(record).get("_modules") if isinstance(record, InertRecord) else None
    if not isinstance(modules, Mapping):
        return {}
    return {name: one for name, one in modules.items() if isinstance(one, InertRecord)}


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


def _labels(model: InertRecord, classes: int) -> tuple[str, ...]:
    names = vars(model).get("names")
    named = dict(enumerate(names)) if isinstance(names, list) else names
    if not isinstance(named, Mapping) or set(named) != set(range(classes)):
        return ()
    # A line each.
    return tuple(" ".join(str(named[one]).split()) or f"class {one}" for one in range(classes))


def _sides(model: InertRecord, content: object) -> tuple[int, int] | None:
    """Height and width of the pictures that it was trained on."""
    train: Any = content.get("train_args") if isinstance(content, Mapping) else None
    for settings in (train, vars(model).get("args")):
        size = settings.get("imgsz") if isinstance(settings, Mapping) else None
        sides = _pair(size if isinstance(size, (list, tuple)) else [size, size])
        if sides is not None:
            return sides
    return None


def _pair(value: object) -> tuple[int, int] | None:
    if isinstance(value, (list, tuple)) and len(value) == 2:
        first, second = value
        if all(isinstance(one, int) and one > 0 for one in value):
            return first, second
    return None


def _activated_pooling(layers: list[InertRecord]) -> bool:
    for layer in layers:
        if type(layer).__name__ == "SPPF":
            act = _children(_children(layer).get("cv1")).get("act")
            return type(act).__name__ != "Identity"
    return True


def _license(content: object) -> str | None:
    text = content.get("license") if isinstance(content, Mapping) else None
    return "AGPL-3.0-only" if isinstance(text, str) and text.startswith("AGPL-3.0") else None

"""What ultralytics' predictor has to know of a program, from the program's report."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pte_foundry.errors import PteError
from pte_foundry.records.facts import Tensor
from pte_foundry.records.json_fields import Fields
from workspace.errors import ToolError

_POINTS = re.compile(
    r"then for each of (?:COCO's )?(\d+) key points x and y in pixels of the input(, and how visible)?"
)
_TURNED = "then the angle by which the box is turned"
_STRIDE = 32


def metadata_text(report: Fields, names: Sequence[str], where: str) -> str:
    """`metadata.yaml`, with the keys that ultralytics writes beside its own exports.

    Args:
        names: of the classes, in order.
        where: what messages call the program.

    Raises:
        ToolError: if the program is no model of ultralytics, or has another number of classes.
    """
    try:
        inputs = tuple(map(Tensor.read, report.objects("inputs")))
        outputs = tuple(map(Tensor.read, report.objects("outputs")))
    except PteError as error:
        raise ToolError(f"{where}: its report cannot be read: {error.message}") from None
    picture, (first, *_) = inputs[0], outputs
    task = _task(picture, outputs)
    if task is None:
        raise ToolError(
            f"{where}: ultralytics' predictor prepares pictures and reads outputs in its own way, and these are "
            "others. Name a program of a model of ultralytics"
        )
    points = _POINTS.search(_words(first))
    shape = None if points is None else [int(points[1]), 3 if points[2] else 2]
    classes = _classes(task, outputs, shape)
    if classes != len(names):
        raise ToolError(
            f"{where} has {classes} classes, but there are {len(names)} labels. Give its own file with --labels"
        )
    fields: dict[str, Any] = {
        "description": f"{report.text('model')}, built by pte-foundry",
        "license": report.nested("weights").text("license"),
        "task": task,
        "stride": _STRIDE,
        "batch": 1,
        "channels": 3,
        "imgsz": list(picture.shape[2:]),
        "end2end": False,
        "args": {"batch": 1, "dynamic": False, "nms": False},
    }
    if shape is not None:
        fields["kpt_shape"] = shape
    # JSON's numbers, texts and lists are YAML's too.
    lines = [f"{key}: {json.dumps(value)}" for key, value in fields.items()]
    return "\n".join([*lines, "names:", *_numbered(names), ""])


def _numbered(names: Sequence[str]) -> list[str]:
    return [f"  {number}: {json.dumps(name)}" for number, name in enumerate(names)]


def _task(picture: Tensor, outputs: Sequence[Tensor]) -> str | None:
    """As ultralytics calls it; None for a model that is not its own."""
    normalisation = picture.description.get("normalisation")
    if not isinstance(normalisation, Mapping) or len(picture.shape) != 4:
        return None
    plain = (normalisation.get("mean"), normalisation.get("std"), normalisation.get("scale"))
    if plain != ([0.0] * 3, [1.0] * 3, "1/255"):
        return None
    named = [one.name for one in outputs]
    if named == ["probabilities"]:
        return "classify"
    if not str(normalisation.get("resize")).startswith("letterbox"):
        return None
    if named == ["detections", "prototypes"]:
        return "segment"
    if named == ["poses"]:
        return "pose"
    if named != ["detections"]:
        return None
    return "obb" if _TURNED in _words(outputs[0]) else "detect"


def _classes(task: str, outputs: Sequence[Tensor], points: Sequence[int] | None) -> int:
    rows = outputs[0].shape[1]
    if task == "classify":
        return rows
    more = {
        "segment": outputs[-1].shape[1],
        "pose": points[0] * points[1] if points else 0,
        "obb": 1,
    }
    return rows - 4 - more.get(task, 0)


def _words(output: Tensor) -> str:
    return str(output.description.get("description") or "")

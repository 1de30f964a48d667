"""The files of a model that `yolo train` wrote: targets with the rewrites that apply, labels and builder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from new_model.command.int8 import Plan
from new_model.command.programs import Program
from new_model.command.request import Request
from new_model.command.texts import model_text, weights_text
from new_model.command.ultralytics import STRIDE, Trained
from new_model.command.ultralytics_int8 import SPELLED_OUT, STATIC
from pin_weights.command.content import CheckpointContent
from pte_foundry.records.tensor_spec import TensorSpec, parse_tensor_spec
from workspace.errors import ToolError

_REWRITES = "src/python/pte_foundry/rewrites/ultralytics_for_{}.py"
_KINDS = {"xnnpack": "xnnpack", "portable": "portable", "mps": "mps"}
"""Of rewrites, by backend. The others compute in float16."""
_TASKS = {
    "": "object detection",
    "-seg": "instance segmentation",
    "-pose": "pose estimation",
    "-cls": "image classification",
    "-obb": "rotated object detection",
}
_SHORT_CALL = 65
"""Characters of the arguments that black leaves in the line of the call."""
_COCO = Path("models/yolo/labels.txt")
_COCO_POSES = ("person",), (17, 3)
# As for the models of `models/yolo`: tools/macros/yolo.py says why.
_PIXELS = {
    "fp32": {"min_cosine": 0.999999, "max_abs_difference": 0.05},
    "fp16": {"min_cosine": 0.9999, "max_abs_difference": 40.0},
}
_TEST = {
    "photographs": ["//toolchains:detected_photograph"],
    "min_matched_detections": 1.0,
    "max_extra_detections": 0.0,
    "max_score_difference": 0.02,
    "min_box_iou": 0.9,
}


def image_inputs(trained: Trained, inputs: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
    """The input `image`: as asked for, or of the size that the model was trained at.

    Raises:
        ToolError: for anything but one picture whose sides its cells divide.
    """
    if not inputs:
        height, width = trained.size
        inputs = (parse_tensor_spec("image", f"float32[1,3,{height},{width}]"),)
    (one, *others) = inputs
    shape = one.shape
    if others or one.dtype != "float32" or one.dynamic or len(shape) != 4 or shape[:2] != (1, 3):
        raise ToolError(
            f"--inputs: {trained.architecture} takes one picture, such as --inputs image=1,3,{trained.size[0]},"
            f"{trained.size[1]}; leave it out for the size that it was trained at"
        )
    height, width = shape[2:]
    if trained.task != "-cls" and (height % STRIDE or width % STRIDE):
        larger = [-(-side // STRIDE) * STRIDE for side in (height, width)]
        raise ToolError(
            f"--inputs: {trained.architecture} takes pictures whose sides are multiples of {STRIDE}, not "
            f"{height}x{width}. Say --inputs image=1,3,{larger[0]},{larger[1]}"
        )
    return (replace(one, name="image"),)


def ultralytics_texts(
    root: Path,
    trained: Trained,
    request: Request,
    file: str,
    content: CheckpointContent,
    data_bytes: int,
    programs: Sequence[Program],
    plans: Mapping[str, Plan],
) -> dict[str, str]:
    """The files of `models/<request.name>/`; for `data_bytes` and `plans` see `model_text`."""
    weights = weights_text(
        [
            ("name", f"{request.name}_weights"),
            ("file", file),
            ("sha256", content.sha256),
            ("size", content.size),
            ("license", request.license),
        ]
    )
    labels = [("labels", "labels.txt")] if trained.labels else []
    test = [("test", _TEST)] if _knows_the_photograph(trained, root) else []
    pixels = {} if trained.task == "-cls" else _PIXELS
    model = model_text(
        request,
        f"models/{request.name}/builder.py",
        "ultralytics",
        data_bytes,
        programs,
        plans,
        more=[("task", _TASKS[trained.task]), *labels, *test],
        rewrites={one.key: _rewrites(one) for one in programs},
        tolerances={one.key: pixels.get(one.precision, {}) for one in programs},
    )
    texts = {
        "BUILD": f"python_sources()\n\n{weights}\n{model}",
        "README.md": _card(trained, request, file),
        "builder.py": _builder(trained, request),
    }
    if trained.labels:
        texts["labels.txt"] = "".join(f"{label}\n" for label in trained.labels)
    return texts


def _rewrites(program: Program) -> list[str]:
    own = _REWRITES.format(_KINDS.get(program.backend.name, "float16"))
    return [own, SPELLED_OUT] if program.key == STATIC else [own]


def _knows_the_photograph(trained: Trained, root: Path) -> bool:
    """Whether its classes are on the photograph of a bus and its passengers."""
    if trained.task == "-pose":
        return (trained.labels, trained.key_points) == _COCO_POSES
    coco = root / _COCO
    return (
        not trained.task
        and coco.is_file()
        and list(trained.labels) == coco.read_text(encoding="utf-8").splitlines()
    )


def _builder(trained: Trained, request: Request) -> str:
    (picture,) = request.inputs
    given = [
        json.dumps(trained.architecture),
        f"classes={trained.classes}",
        f"size={picture.shape[2:]}",
        *([f"key_points={trained.key_points}"] if trained.key_points else []),
        *([] if trained.activated_pooling else ["activated_pooling=False"]),
    ]
    arguments = ", ".join(given)
    if len(arguments) > _SHORT_CALL:
        arguments = f"\n        {arguments}\n    "
    return f'''"""`{trained.architecture}` of ultralytics, as it was trained."""

from __future__ import annotations

from pte_foundry.models.definition import ModelDefinition
from pte_foundry.models.ultralytics_model import ultralytics_definition


def build(model: str) -> ModelDefinition:
    return ultralytics_definition({arguments})
'''


def _card(trained: Trained, request: Request, file: str) -> str:
    (picture,) = request.inputs
    named = ", named in `labels.txt`" if trained.labels else ""
    return f"""# {request.name}

A {trained.about}, ultralytics' `{trained.architecture}`. Who trained it, on what: to be written.

| | |
|---|---|
| checkpoint | `{file}`, pinned in BUILD. Its modules are compared with ultralytics' own; nothing of it is run |
| classes | {trained.classes}{named} |
| licence | {request.license} |
| input | `image`: `{picture}`, RGB from 0 to 1; how it is resized, see the program's report |
| output | see the program's report |
"""

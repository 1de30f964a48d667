"""Models of ultralytics by the name of their architecture, with classes, key points and a size of one's own."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from pte_foundry.errors import PteError
from pte_foundry.models.checkpoints.refusal import Unfit
from pte_foundry.models.definition import (
    InputContract,
    ModelDefinition,
    Normalisation,
    OutputContract,
    check_picture,
)
from pte_foundry.models.letterbox import letterbox
from pte_foundry.models.ultralytics_checkpoint import RECORD_CLASSES, state_of_checkpoint
from pte_foundry.models.ultralytics_offline import prepare_ultralytics

# The yaml files of these names are part of ultralytics.
_ARCHITECTURE = re.compile(r"yolo(?:v5[nsmlx]|(?:v8|11|26)[nsmlx](?P<task>|-seg|-pose|-cls|-obb))")
_CLASSES = {
    "": "DetectionModel",
    "-seg": "SegmentationModel",
    "-pose": "PoseModel",
    "-cls": "ClassificationModel",
    "-obb": "OBBModel",
}
_STRIDES = (8, 16, 32)
_DIRECT = "one2one_"
"""Begins the names of the branches that give each object one box."""


def ultralytics_definition(
    architecture: str,
    classes: int,
    size: tuple[int, int],
    key_points: tuple[int, int] = (17, 3),
    activated_pooling: bool = True,
) -> ModelDefinition:
    """Input `image`: float32 [1, 3, height, width]; the outputs depend on the task.

    `detections`: float32 [1, 4 + classes, cells]; of a `-seg`, 32 factors of masks follow, and a second output
    is `prototypes`: float32 [1, 32, height / 4, width / 4]; of an `-obb`, an angle follows. Of a `-pose` it is
    `poses`: float32 [1, 4 + classes + points * numbers, cells]; of a `-cls` `probabilities`: float32 [1, classes].

    Args:
        architecture: family, scale and task: `yolo11n`, `yolov8s-seg`.
        size: height and width.
        key_points: how many, and the numbers of each: 2 for x and y, 3 with a visibility.
        activated_pooling: whether there is an activation before the pyramid's pooling: never in YOLO26, always in
            older families, but for what some releases of ultralytics trained.

    Raises:
        PteError: `bad-builder` for an architecture that is not known here; `bad-input-shape` for a size that cannot be
            divided into cells.
    """
    match = _ARCHITECTURE.fullmatch(architecture)
    if match is None:
        raise PteError(
            "bad-builder",
            f"{architecture!r} is no architecture that is known here, such as yolo11n or yolov8s-seg. Correct it",
        )
    task = match["task"] or ""
    if task != "-cls" and any(side % _STRIDES[-1] for side in size):
        raise PteError(
            "bad-input-shape",
            f"{architecture} takes pictures whose sides are multiples of {_STRIDES[-1]}, not {size[0]}x{size[1]}. "
            "Correct the size in the builder, and `inputs`",
        )
    trained = _trained(architecture, task, classes, key_points, activated_pooling)
    module = _ready(copy.deepcopy(trained), size)
    return ModelDefinition(
        module=module,
        inputs=(InputContract("image", (1, 3, *size), "NCHW", _normalisation(task, size)),),
        outputs=_outputs(task, size, key_points, direct=_is_direct(trained)),
        checkpoint_globals=RECORD_CLASSES,
        adapt_checkpoint=partial(_state, trained=trained, module=module),
        preprocess=partial(prepare_picture, task=task, size=size),
        # Beside the modules, settings of the training.
        unknown_as_records=True,
    )


def _trained(
    architecture: str,
    task: str,
    classes: int,
    key_points: tuple[int, int],
    activated_pooling: bool,
) -> nn.Module:
    """The model as it is trained, with the modules that the checkpoint has."""
    prepare_ultralytics()
    from ultralytics.nn import tasks  # type: ignore[import-not-found]  # pants: no-infer-dep
    from ultralytics.nn.modules.block import SPPF  # type: ignore[import-not-found]  # pants: no-infer-dep

    more = {"data_kpt_shape": key_points} if task == "-pose" else {}
    model: nn.Module = getattr(tasks, _CLASSES[task])(
        f"{architecture}.yaml", nc=classes, verbose=False, **more
    )
    for layer in model.modules():
        if isinstance(layer, SPPF):
            layer.cv1.act = layer.cv2.act if activated_pooling else nn.Identity()
    return model.eval()


def _is_direct(model: nn.Module) -> bool:
    return any(name.startswith(_DIRECT) for name in _head(model)._modules)


def _head(model: nn.Module) -> Any:
    return model.model[-1]  # type: ignore[index]


def _ready(model: nn.Module, size: tuple[int, int]) -> nn.Module:
    """Without what only training needs; of two heads, the one that needs no suppression, without its sorting."""
    head = _head(model)
    if _is_direct(model):
        head.fuse()
        for name, branch in list(head._modules.items()):
            if name.startswith(_DIRECT) and branch is not None:
                setattr(head, name.removeprefix(_DIRECT), branch)
                setattr(head, name, None)
    head.export = True  # The finished outputs alone, without the raw maps that training needs.
    with torch.no_grad():
        # The head makes its table of cell centres in the first forward pass; computed now, it is a
        # constant for torch.export.
        model(torch.zeros(1, 3, *size))
    return model


def _state(content: object, trained: nn.Module, module: nn.Module) -> Mapping[str, Tensor]:
    """As `state_of_checkpoint`, of what `_ready` left.

    Raises:
        Unfit: for a model that was changed by hand, or built by another release of ultralytics.
    """
    whole = content if isinstance(content, Mapping) else {"model": content}
    try:
        state = state_of_checkpoint(whole, trained, settings=True)
    except ValueError as error:
        raise Unfit(
            f"{error}. Where it was trained, make TorchScript of it, `yolo export model=best.pt format=torchscript`, "
            "and give that to `./foundry new`"
        ) from error
    expected = module.state_dict()
    renamed = {name.replace(f".{_DIRECT}", "."): name for name in state if f".{_DIRECT}" in name}
    return {name: state[renamed.get(name, name)] for name in expected if name in state}


def _normalisation(task: str, size: tuple[int, int]) -> Normalisation:
    height, width = size
    if task != "-cls":
        fitted = (
            f"longer side to {height}" if height == width else f"scaled to fit {height}x{width}"
        )
        resize = (
            f"letterbox: {fitted} (bilinear, no antialiasing), centred, "
            "the rest filled with the value 114 of 255"
        )
    elif height == width:
        resize = f"shorter side to {height}, bilinear with antialiasing, then centre crop {height}x{height}"
    else:
        resize = f"to {height}x{width} whatever the aspect ratio, bilinear with antialiasing"
    return Normalisation("1/255", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "RGB", resize)


def prepare_picture(picture: Tensor, task: str, size: tuple[int, int]) -> tuple[Tensor, ...]:
    """uint8 [H, W, 3] -> float32 [1, 3, height, width], as `_normalisation` says.

    Raises:
        PteError: `bad-picture`, see `check_picture` and `letterbox`.
    """
    fitted = _cropped(picture, size) if task == "-cls" else letterbox(picture, *size)
    pixels = fitted.permute(2, 0, 1).unsqueeze(0)
    # The permuted picture has channels-last strides, which would survive down to the runtime.
    return (pixels.float().div(255.0).contiguous(),)


def _cropped(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """uint8 [H, W, 3] -> uint8 [height, width, 3]: of a square, the middle; else all of the picture."""
    check_picture(picture)
    height, width = size
    rows, columns = size
    if height == width:
        shorter = min(picture.shape[:2])
        rows, columns = (height * side // shorter for side in picture.shape[:2])
    pixels = picture.permute(2, 0, 1).unsqueeze(0).float()
    scaled = interpolate(
        pixels, size=(rows, columns), mode="bilinear", align_corners=False, antialias=True
    )
    top, left = round((rows - height) / 2), round((columns - width) / 2)
    middle = scaled[0, :, top : top + height, left : left + width]
    return middle.round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0)


def _outputs(
    task: str, size: tuple[int, int], key_points: tuple[int, int], direct: bool
) -> tuple[OutputContract, ...]:
    if task == "-cls":
        return (
            OutputContract(
                "probabilities", "one probability for each line of labels.txt; their sum is 1"
            ),
        )
    height, width = size
    maps = [(height // stride, width // stride) for stride in _STRIDES]
    cells = sum(rows * columns for rows, columns in maps)
    first, second, third = (f"{rows}x{columns}" for rows, columns in maps)
    suppression = (
        "an object has one cell, so no non-maximum suppression is needed"
        if direct
        else "no non-maximum suppression"
    )
    points, numbers = key_points
    visible = ", and how visible it is within 0 and 1" if numbers == 3 else ""
    more = {
        "": "",
        "-seg": ", then 32 factors of its mask",
        "-pose": f", then for each of {points} key points x and y in pixels of the input{visible}",
        "-obb": ", then the angle by which the box is turned around its centre, in radians, clockwise",
    }[task]
    found = OutputContract(
        "poses" if task == "-pose" else "detections",
        f"for each of {cells} cells ({first}, {second} and {third}, row by row): centre x, centre y, width and height "
        f"of the box in pixels of the {height}x{width} input, then one score within 0 and 1 for each line of labels.txt"
        f"{more}. Not sorted, no threshold, {suppression}",
    )
    if task != "-seg":
        return (found,)
    return (
        found,
        OutputContract(
            "prototypes",
            f"32 maps of {height // 4}x{width // 4}. The mask of a box is where their sum, each times its factor, is "
            "above 0, within the box",
        ),
    )

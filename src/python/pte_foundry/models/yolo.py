"""YOLO object detectors as ultralytics builds them: COCO's 80 classes, or persons with key points."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pte_foundry.models.definition import (
    ModelDefinition,
    OutputContract,
    image_input,
    unknown_model,
)
from pte_foundry.models.letterbox import letterbox
from pte_foundry.models.ultralytics_checkpoint import RECORD_CLASSES, state_of_checkpoint
from pte_foundry.models.ultralytics_offline import prepare_ultralytics

_SIDE = 640
# The yaml files are part of ultralytics. yolov5nu.pt is a yolov5n.yaml model: the "u" only tells it
# from the checkpoints of the older repository, which have another head.
_YAML: Mapping[str, str] = {
    "yolo11n": "yolo11n.yaml",
    "yolo11n_pose": "yolo11n-pose.yaml",
    "yolov5n": "yolov5n.yaml",
    "yolov8n": "yolov8n.yaml",
    "yolov8n_pose": "yolov8n-pose.yaml",
}
_CELLS = (
    "for each of 8400 cells (80x80, 40x40 and 20x20, row by row): centre x, centre y, width and "
    "height of the box in pixels of the 640x640 input, then one score within 0 and 1 for each line of "
)
_RAW = ". Not sorted, no threshold, no non-maximum suppression"
_DETECTIONS = f"{_CELLS}labels.txt{_RAW}"
_POSES = (
    f"{_CELLS}pose_labels.txt, then for each of COCO's 17 key points x and y in pixels of the input, and how visible "
    "it is within 0 and 1: nose, then left and right eye, ear, shoulder, elbow, wrist, hip, knee and "
    f"ankle{_RAW}"
)


def build(model: str) -> ModelDefinition:
    """Input `image`: float32 [1, 3, 640, 640]. Output `detections`: float32 [1, 84, 8400].

    With key points, the output is `poses`: float32 [1, 56, 8400].

    Raises:
        PteError: `bad-builder` for an unknown model.
    """
    yaml = _YAML.get(model)
    if yaml is None:
        raise unknown_model(__name__, model, _YAML)
    poses = model.endswith("_pose")
    module = _structure(yaml, poses)
    output = OutputContract("poses", _POSES) if poses else OutputContract("detections", _DETECTIONS)
    return ModelDefinition(
        module=module,
        inputs=(
            image_input(
                _SIDE,
                f"letterbox: longer side to {_SIDE} (bilinear, no antialiasing), centred, "
                "the rest filled with the value 114 of 255",
                mean=(0.0, 0.0, 0.0),
                std=(1.0, 1.0, 1.0),
            ),
        ),
        outputs=(output,),
        checkpoint_globals=RECORD_CLASSES,
        adapt_checkpoint=lambda content: state_of_checkpoint(content, module),
        preprocess=_preprocess,
    )


def _structure(yaml: str, poses: bool) -> nn.Module:
    prepare_ultralytics()
    from ultralytics.nn import tasks  # type: ignore[import-not-found]  # pants: no-infer-dep
    from ultralytics.nn.modules.block import SPPF  # type: ignore[import-not-found]  # pants: no-infer-dep

    # Whatever the yaml file says, checkpoints with key points know one class.
    detector = (
        tasks.PoseModel(yaml, nc=1, verbose=False)
        if poses
        else tasks.DetectionModel(yaml, verbose=False)
    )
    detector.eval()
    for layer in detector.modules():
        if isinstance(layer, SPPF):
            # Newer releases of ultralytics build this layer without activation, for newer families.
            # These were trained with it, and their checkpoints say so.
            layer.cv1.act = layer.cv2.act
    detector.model[-1].export = True  # One tensor, without the raw maps that training needs.
    module: nn.Module = detector
    with torch.no_grad():
        # The head makes its table of cell centres in the first forward pass; computed now, it is a
        # constant for torch.export.
        module(torch.zeros(1, 3, _SIDE, _SIDE))
    return module


def _preprocess(picture: Tensor) -> tuple[Tensor, ...]:
    """uint8 [H, W, 3] -> float32 [1, 3, 640, 640], as `Normalisation` above says.

    Raises:
        PteError: `bad-picture`, see `letterbox`.
    """
    pixels = letterbox(picture, _SIDE).permute(2, 0, 1).unsqueeze(0)
    # The permuted picture has channels-last strides, which would survive down to the runtime.
    return (pixels.float().div(255.0).contiguous(),)

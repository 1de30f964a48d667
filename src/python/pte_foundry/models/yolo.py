"""YOLO object detectors as ultralytics builds them: COCO's 80 classes, or persons with key points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pte_foundry.models.definition import ModelDefinition, OutputContract, unknown_model
from pte_foundry.models.ultralytics_checkpoint import state_of_checkpoint
from pte_foundry.models.ultralytics_model import ultralytics_definition

_SIDE = 640
# yolov5nu.pt is a yolov5n: the "u" only tells it from the checkpoints of the older repository, which have another head.
_ARCHITECTURES: Mapping[str, str] = {
    "yolo11n": "yolo11n",
    "yolo11n_pose": "yolo11n-pose",
    "yolov5n": "yolov5n",
    "yolov8n": "yolov8n",
    "yolov8n_pose": "yolov8n-pose",
}
_POSES = (
    "for each of 8400 cells (80x80, 40x40 and 20x20, row by row): centre x, centre y, width and "
    "height of the box in pixels of the 640x640 input, then one score within 0 and 1 for each line of "
    "pose_labels.txt, then for each of COCO's 17 key points x and y in pixels of the input, and how visible "
    "it is within 0 and 1: nose, then left and right eye, ear, shoulder, elbow, wrist, hip, knee and "
    "ankle. Not sorted, no threshold, no non-maximum suppression"
)


def build(model: str) -> ModelDefinition:
    """Input `image`: float32 [1, 3, 640, 640]. Output `detections`: float32 [1, 84, 8400].

    With key points, the output is `poses`: float32 [1, 56, 8400].

    Raises:
        PteError: `bad-builder` for an unknown model.
    """
    architecture = _ARCHITECTURES.get(model)
    if architecture is None:
        raise unknown_model(__name__, model, _ARCHITECTURES)
    poses = model.endswith("_pose")
    # Whatever the yaml file says, checkpoints with key points know one class.
    definition = ultralytics_definition(architecture, 1 if poses else 80, (_SIDE, _SIDE))
    return replace(
        definition,
        outputs=(OutputContract("poses", _POSES),) if poses else definition.outputs,
        # The layers of the published checkpoints are known: nothing else in them is read.
        adapt_checkpoint=lambda content: state_of_checkpoint(content, definition.module),
        unknown_as_records=False,
    )

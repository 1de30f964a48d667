from __future__ import annotations

from typing import Any

import pytest

from pte_foundry.errors import PteError
from pte_foundry.evaluation.task import CLASSIFY, DETECT, EMBED, POSE, Task, read_task
from pte_foundry.records.declared import Declared
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.report import Report, build_report
from pte_foundry.testing.reports import sample_declared, sample_facts

LETTERBOX = "letterbox: longer side to 640 (bilinear, no antialiasing), centred, the rest filled"
BOXES = (
    "for each of 8400 cells (80x80, 40x40 and 20x20, row by row): centre x, centre y, width and height of the box in "
    "pixels of the 640x640 input, then one score within 0 and 1 for each line of labels.txt"
)
POINTS = ", then for each of 17 key points x and y in pixels of the input, and how visible it is within 0 and 1"


def report(output: dict[str, Any], resize: str = LETTERBOX, **inputs: Any) -> Report:
    normalisation = {
        "scale": "1/255",
        "mean": [0.0] * 3,
        "std": [1.0] * 3,
        "colour": "RGB",
        "resize": resize,
    }
    picture = {
        "name": "image",
        "shape": [1, 3, 640, 640],
        "dtype": "float32",
        "layout": "NCHW",
        "normalisation": normalisation,
        **inputs,
    }
    facts = sample_facts(inputs=[picture], outputs=[{"name": "out", "dtype": "float32", **output}])
    declared = Declared.read(Fields(sample_declared(), "declared"))
    return build_report(declared, Fields(facts, "facts"))


def test_classifier_and_embedding() -> None:
    scores = report({"shape": [1, 10]}, "to some size")
    assert read_task(scores, 10) == Task(CLASSIFY, 10)
    assert read_task(scores, None) == Task(EMBED)
    assert read_task(report({"shape": [1, 5, 10]}), None) == Task(EMBED)


def test_detectors() -> None:
    boxes = {"shape": [1, 84, 8400], "description": f"{BOXES}. No non-maximum suppression"}
    assert read_task(report(boxes), 80) == Task(DETECT, 80, letterbox=True)
    squashed = report(boxes, "to 320x320 whatever the aspect ratio, bilinear, no antialiasing")
    assert read_task(squashed, 80) == Task(DETECT, 80, letterbox=False)
    one = {**boxes, "description": f"{BOXES}. Not sorted, an object has one cell, so no"}
    assert read_task(report(one), 80) == Task(DETECT, 80, letterbox=True, suppress=False)


def test_poses() -> None:
    poses = {"shape": [1, 56, 8400], "description": f"{BOXES}{POINTS}. No threshold"}
    task = read_task(report(poses), 1)
    assert task == Task(POSE, 1, 17, 3, letterbox=True)
    assert Task.read(Fields(task.to_json(), "a task")) == task


@pytest.mark.parametrize(
    ("made", "labels", "told"),
    [
        (report({"shape": [1, 9]}), 10, "neither a score for each of its 10 labels, nor boxes"),
        (report({"shape": [2, 9]}), None, "Declare its `labels`"),
        (report({"shape": [1, 9]}, normalisation=None), None, "does not take one picture"),
        (report({"shape": [1, 84, 8400], "description": BOXES}), 79, "has 80 classes, but 79 labels"),
        (report({"shape": [1, 84, 8400], "description": BOXES}), None, "80 classes, but no labels"),
        (report({"shape": [1, 84, 8400], "description": BOXES}, "its middle"), 80, "cannot be scaled back"),
    ],
)  # fmt: skip
def test_what_cannot_be_evaluated(made: Report, labels: int | None, told: str) -> None:
    with pytest.raises(PteError, match=told) as caught:
        read_task(made, labels)
    assert caught.value.kind == "not-evaluable"
    assert caught.value.message.startswith("models/mobilenet:mobilenet_v3_small_xnnpack: ")

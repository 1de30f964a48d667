"""What a page's code reads from an output, compared with ultralytics' own post-processing, on its picture of a bus."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from pte_foundry.models import yolo
from pte_foundry.models.checkpoints.seeded import initialise
from pte_foundry.models.definition import ModelDefinition
from pte_foundry.tree.pages.detection import detection_code, read_detection
from pte_foundry.tree.pages.pages import environment


def photograph() -> Path:
    from ultralytics.utils import ASSETS  # type: ignore[import-not-found]  # pants: no-infer-dep

    return Path(ASSETS) / "bus.jpg"


def pixels(path: Path) -> Tensor:
    return torch.from_numpy(np.asarray(Image.open(path).convert("RGB")).copy())


def output_on_the_photograph(definition: ModelDefinition, name: str) -> Tensor:
    """With weights that see something everywhere: boxes overlap as they never do with trained ones."""
    inputs = definition.preprocess(pixels(photograph()))
    initialise(definition.module, inputs, seed=name)
    with torch.no_grad():
        output: Tensor = definition.module(*inputs)
    return output


def function_of_the_page(definition: ModelDefinition, output: Tensor) -> Any:
    (contract,) = definition.outputs
    detection = read_detection("float32", tuple(output.shape), contract.description)
    assert detection is not None
    (python, *_) = detection_code(environment(), detection)
    module: dict[str, Any] = {}
    exec(compile(python.text, "detections.py", "exec"), module)  # noqa: S102
    return module["detections"]


@pytest.mark.parametrize(("name", "classes"), [("yolo11n", 80), ("yolo11n_pose", 1)])
@pytest.mark.parametrize("wanted", [30, 300])
def test_a_page_reads_what_ultralytics_reads(name: str, classes: int, wanted: int) -> None:
    from ultralytics.utils.nms import non_max_suppression  # type: ignore[import-not-found]  # pants: no-infer-dep

    definition = yolo.build(name)
    output = output_on_the_photograph(definition, name)
    scores = output[0, 4 : 4 + classes].amax(0).sort(descending=True).values
    least = float((scores[wanted - 1] + scores[wanted]) / 2)
    (expected,) = non_max_suppression(
        output.clone(), conf_thres=least, iou_thres=0.7, max_det=1000, nc=classes, max_time_img=60
    )
    boxes, found, labels, *points = function_of_the_page(definition, output)(output.numpy(), least)
    # Some were suppressed, and some were not.
    assert 3 < len(expected) < wanted
    assert len(found) == len(expected)
    assert np.allclose(found, expected[:, 4].numpy(), atol=1e-6)
    assert np.allclose(boxes, expected[:, :4].numpy(), atol=1e-3)
    assert labels.tolist() == expected[:, 5].int().tolist()
    if name.endswith("pose"):
        assert np.allclose(points[0].reshape(len(found), -1), expected[:, 6:].numpy(), atol=1e-3)

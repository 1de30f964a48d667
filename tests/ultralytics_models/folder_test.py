"""A program in the folder that `./foundry ultralytics-folder` makes, run by ultralytics' own predictor."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.models import yolo
from pte_foundry.models.letterbox import letterbox
from pte_foundry.rewrites import ultralytics_for_xnnpack
from pte_foundry.validation.runtime import load_program
from ultralytics_folder.command.main import app
from ultralytics_models.decoder_test import (
    function_of_the_page,
    output_on_the_photograph,
    photograph,
    pixels,
)

NAMES = {"yolo11n": [f"thing {number}" for number in range(80)], "yolo11n_pose": ["person"]}


def write_program(folder: Path, name: str) -> tuple[Path, Any, float]:
    """A program with its report and labels, as `./pants package` writes them; a threshold that 30 cells pass."""
    definition = yolo.build(name)
    output = output_on_the_photograph(definition, name)
    scores = output[0, 4 : 4 + len(NAMES[name])].amax(0).sort(descending=True).values
    inputs = definition.preprocess(pixels(photograph()))
    rewritten = ultralytics_for_xnnpack.rewrite(definition.module.requires_grad_(False), inputs)
    with torch.no_grad():
        exported = torch.export.export(rewritten, inputs, strict=False)
    pte = bytes(xnnpack.lower(LoweringRequest(exported, "fp32", {})).program.buffer)
    path = folder / f"{name}_xnnpack.pte"
    path.write_bytes(pte)
    labels = "".join(f"{one}\n" for one in NAMES[name]).encode()
    (folder / "labels.txt").write_bytes(labels)
    picture, first = definition.inputs[0], definition.outputs[0]
    normalisation = vars(picture.normalisation)
    report = {
        "model": name,
        "family": "yolo",
        "sha256": hashlib.sha256(pte).hexdigest(),
        "weights": {"license": "AGPL-3.0-only"},
        "labels": {
            "file": "labels.txt",
            "sha256": hashlib.sha256(labels).hexdigest(),
            "size": len(labels),
        },
        "inputs": [
            {
                "name": "image",
                "dtype": "float32",
                "shape": [1, 3, 640, 640],
                "normalisation": normalisation,
            }
        ],
        "outputs": [
            {
                "name": first.name,
                "dtype": "float32",
                "shape": list(output.shape),
                "description": first.description,
            }
        ],
    }
    path.with_suffix(".json").write_text(json.dumps(report))
    return path, definition, float((scores[29] + scores[30]) / 2)


@pytest.mark.parametrize("name", list(NAMES))
def test_ultralytics_finds_the_same_boxes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    from ultralytics import YOLO  # type: ignore[import-not-found]  # pants: no-infer-dep

    monkeypatch.chdir(tmp_path)
    path, definition, least = write_program(tmp_path, name)
    made = CliRunner().invoke(app, [str(path)])
    assert made.exit_code == 0, made.output
    # Of the input's size, so that neither resizes it: OpenCV does so in rounded fixed point, and of weights that nobody
    # trained the scores lie so close together that this would move some over the threshold.
    fitted = letterbox(pixels(photograph()), 640, 640)
    Image.fromarray(fitted.numpy()).save("bus.png")
    model = YOLO(str(tmp_path / f"{name}_xnnpack_executorch_model"))
    (result,) = model.predict("bus.png", conf=least, iou=0.7, max_det=1000, verbose=False)

    inputs = definition.preprocess(fitted)
    (output,) = load_program(path.read_bytes()).run(inputs)
    boxes, scores, labels, *points = function_of_the_page(definition, output)(output.numpy(), least)
    assert len(scores) > 3
    assert model.names == dict(enumerate(NAMES[name]))
    assert result.boxes.cls.int().tolist() == labels.tolist()
    assert np.allclose(result.boxes.conf.numpy(), scores, atol=1e-4)
    assert np.allclose(result.boxes.xyxy.numpy(), boxes.clip(0, 640), atol=0.1)
    if name.endswith("pose"):
        assert result.keypoints.data.shape == (len(scores), 17, 3)

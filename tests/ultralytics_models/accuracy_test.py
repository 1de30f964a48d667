"""The accuracy that `./foundry evaluate` finds, and what ultralytics' own validator finds on the same pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from new_model.command.recognise import recognise
from pte_foundry.evaluation.data_set import read_data_set, score
from pte_foundry.evaluation.pictures import find_pictures, read_pictures
from pte_foundry.evaluation.prediction import predict
from pte_foundry.evaluation.task import DETECT, POSE, Task
from pte_foundry.models.checkpoints.seeded import initialise
from pte_foundry.models.ultralytics_model import ultralytics_definition
from ultralytics_models.decoder_test import photograph, pixels
from ultralytics_models.trained import new_model, save_as_trainer
from ultralytics_models.trained_test import built

SIDE = 320
TOLERANCE = 0.015
"""Of shares. Both find the same boxes, but interpolate precision between recalls in different ways."""


def write_pictures(folder: Path) -> None:
    """Pieces of ultralytics' two pictures, of different shapes.

    Their longer side is that of the input, so that neither resizes them: OpenCV does so in rounded fixed point, and
    among as few things as these a score that moves by a thousandth moves the share by a hundredth.
    """
    from ultralytics.utils import ASSETS  # type: ignore[import-not-found]  # pants: no-infer-dep

    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for name in ("bus.jpg", "zidane.jpg"):
        with Image.open(Path(ASSETS) / name) as whole:
            for number in range(6):
                left, top, right, lower = random.uniform(
                    (0, 0, 0.7, 0.7), (0.3, 0.3, 1, 1)
                ).tolist()
                wide, high = whole.size
                corners = (left * wide, top * high, right * wide, lower * high)
                piece = whole.convert("RGB").crop(corners)
                factor = SIDE / max(piece.size)
                piece = piece.resize((round(piece.width * factor), round(piece.height * factor)))
                piece.save(folder / f"{Path(name).stem}{number}.png")


def write_labels(folder: Path, name: str, answer: Any, size: tuple[int, int], numbers: int) -> None:
    """A part of what the model itself finds, moved: so some of its boxes are right, and some are not.

    Within the picture: ultralytics compares boxes before it cuts them off at the edges, COCO afterwards.
    """
    random = np.random.default_rng(len(answer))
    high, wide = size
    lines = []
    within = [
        one
        for one in answer
        if min(one[2:4]) > 1 and one[2] + one[4] < wide - 1 and one[3] + one[5] < high - 1
    ]
    for label, _, left, top, width, height, *points in within[:40:2]:
        left, top = left + width * random.normal(0, 0.08), top + height * random.normal(0, 0.08)
        shares = [(left + width / 2) / wide, (top + height / 2) / high, width / wide, height / high]
        for at in range(0, len(points), numbers):
            across = points[at] + width * random.normal(0, 0.05)
            down = points[at + 1] + height * random.normal(0, 0.05)
            # Points outside of a picture are none for ultralytics.
            inside = 0 < across < wide and 0 < down < high
            shares += [across / wide, down / high, 2] if inside else [0, 0, 0]
        lines.append(" ".join(map(str, [label, *np.clip(shares, 0, 2)])))
    (folder / f"{name}.txt").write_text("\n".join(lines))


@pytest.mark.parametrize(
    ("architecture", "names"),
    [("yolo11n", ["bolt", "nut", "washer"]), ("yolo11n-pose", ["person"])],
)
def test_accuracy_is_what_ultralytics_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, architecture: str, names: list[str]
) -> None:
    from ultralytics import YOLO  # type: ignore[import-not-found]  # pants: no-infer-dep

    # It looks for a font to draw with, which it would download.
    monkeypatch.setattr("ultralytics.data.utils.check_font", lambda name: None)
    monkeypatch.chdir(tmp_path)
    checkpoint = tmp_path / "best.pt"
    pose = architecture.endswith("pose")
    preprocess = ultralytics_definition(architecture, len(names), (SIDE, SIDE)).preprocess
    model = new_model(architecture, names)
    model.task = "pose" if pose else "detect"
    # Values whose scores are not all 0 or 1: of equal scores, chance would decide which comes first.
    initialise(model.eval(), preprocess(pixels(photograph())), seed=architecture)
    # And boxes of two cells, which seldom cross an edge: the first bins of the distances to their sides.
    for branch in model.model[-1].cv2:
        branch[-1].bias.data.view(4, -1)[:, 2:] -= 50
    save_as_trainer(checkpoint, model, SIDE)
    trained = recognise(checkpoint).trained
    assert trained is not None
    module = built(checkpoint, trained, (SIDE, SIDE))
    task = Task(POSE if pose else DETECT, len(names), 17 if pose else 0, 3, letterbox=True)

    images, labels = tmp_path / "set/images", tmp_path / "set/labels"
    labels.mkdir(parents=True)
    write_pictures(images)
    pictures = read_pictures(images, find_pictures(images))
    answers = {}
    for picture in pictures:
        with torch.no_grad():
            output = module(*preprocess(pixels(picture.path)))
        answer = predict(task, output.numpy(), picture.size, (SIDE, SIDE))
        answers[picture.sha256] = answer
        write_labels(labels, picture.path.stem, answer, picture.size, task.numbers)
    data_set = read_data_set("pieces", images, pictures, labels, task, names)
    found = score(data_set, task, answers)

    points = "kpt_shape: [17, 3]\n" if pose else ""
    Path("set.yaml").write_text(
        f"path: {tmp_path}/set\ntrain: images\nval: images\nnames: {dict(enumerate(names))}\n{points}"
    )

    def theirs(most: int) -> Any:
        settings: dict[str, Any] = {"imgsz": SIDE, "batch": 1, "rect": False, "max_det": most}
        where = {"workers": 0, "device": "cpu", "plots": False}
        return YOLO(str(checkpoint)).val(data="set.yaml", **settings, **where)

    # COCO counts so many of a class in each picture: 100 boxes, or 20 with key points.
    boxes = theirs(100 * len(names)).box
    # Neither nothing nor everything is right.
    assert 0.1 < boxes.map < 0.9
    expected = {"mAP50-95": boxes.map, "mAP50": boxes.map50}
    if pose:
        points_found = theirs(20).pose
        expected |= {"pose mAP50-95": points_found.map, "pose mAP50": points_found.map50}
    assert found == pytest.approx(expected, abs=TOLERANCE)

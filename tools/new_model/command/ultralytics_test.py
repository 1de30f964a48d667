from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from new_model.command.recognise import Form, recognise
from new_model.command.ultralytics import Trained
from pte_foundry.testing.trained_yolo import LAYERS, importable, save_trained, trained_model
from workspace.errors import ToolError


def read(path: Path, model: nn.Module, **content: Any) -> Trained:
    save_trained(path, model, **content)
    found = recognise(path)
    assert found.form is Form.ULTRALYTICS and found.trained is not None
    return found.trained


def told(path: Path, model: nn.Module, **content: Any) -> str:
    save_trained(path, model, **content)
    with pytest.raises(ToolError) as caught:
        recognise(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("architecture", "layers", "model", "head", "direct"),
    [
        ("yolov5n", "yolov5", "DetectionModel", "Detect", False),
        ("yolov8n", "yolov8", "DetectionModel", "Detect", False),
        ("yolo11n", "yolo11", "DetectionModel", "Detect", False),
        ("yolo26n", "yolo11", "DetectionModel", "Detect", True),
        ("yolov8n-seg", "yolov8", "SegmentationModel", "Segment", False),
        ("yolo26n-seg", "yolo11", "SegmentationModel", "Segment26", True),
        ("yolo11n-pose", "yolo11", "PoseModel", "Pose", False),
        ("yolo26n-pose", "yolo11", "PoseModel", "Pose26", True),
        ("yolov8n-obb", "yolov8", "OBBModel", "OBB", False),
        ("yolov8n-cls", "yolov8-cls", "ClassificationModel", "Classify", False),
        ("yolo11n-cls", "yolo11-cls", "ClassificationModel", "Classify", False),
    ],
)
@pytest.mark.parametrize("where", ["model", "ema"])
def test_the_architecture(
    tmp_path: Path, architecture: str, layers: str, model: str, head: str, direct: bool, where: str
) -> None:
    points = (4, 2) if "pose" in architecture else None
    saved = trained_model(LAYERS[layers], head, model, direct=direct, key_points=points)
    found = read(tmp_path / "best.pt", saved, where=where)
    assert found.architecture == architecture
    assert (found.classes, found.labels) == (3, ("bolt", "nut", "washer"))
    assert (found.size, found.key_points) == ((640, 640), points)
    assert found.license == "AGPL-3.0-only" and found.activated_pooling


@pytest.mark.parametrize("scale", "nsmlx")
def test_the_scale(tmp_path: Path, scale: str) -> None:
    assert read(tmp_path / "m.pt", trained_model(scale=scale)).architecture == f"yolo11{scale}"


def test_sizes(tmp_path: Path) -> None:
    assert read(tmp_path / "a.pt", trained_model(), size=[384, 640]).size == (384, 640)
    assert read(tmp_path / "b.pt", trained_model(), size=320).size == (320, 320)
    assert read(tmp_path / "c.pt", trained_model(), train_args={}).size == (640, 640)
    small = trained_model(LAYERS["yolov8-cls"], "Classify", "ClassificationModel")
    assert read(tmp_path / "d.pt", small, train_args=None).size == (224, 224)


def test_names_become_lines(tmp_path: Path) -> None:
    odd = trained_model(names={0: "a\nb", 1: "  ", 2: "stop sign"})
    assert read(tmp_path / "a.pt", odd).labels == ("a b", "class 1", "stop sign")
    assert read(tmp_path / "b.pt", trained_model(names=["x", "y"])).labels == ("x", "y")
    assert read(tmp_path / "c.pt", trained_model(names=["x", "y"], nc=3)).labels == ()


def test_pooling_without_activation(tmp_path: Path) -> None:
    found = read(tmp_path / "a.pt", trained_model(pooling=nn.Identity))
    assert not found.activated_pooling


def test_settings_of_training_are_records(tmp_path: Path) -> None:
    found = read(
        tmp_path / "last.pt",
        trained_model(),
        where="ema",
        optimizer={"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": [{"lr": 0.1}]},
        save_dir=Path("runs"),
    )
    assert found.architecture == "yolo11n"


def test_a_module_alone(tmp_path: Path) -> None:
    model = trained_model()
    with importable(model):
        torch.save(model, tmp_path / "bare.pt")
    found = recognise(tmp_path / "bare.pt").trained
    assert found is not None and found.architecture == "yolo11n" and found.license is None


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (
            trained_model(model="WorldModel"),
            "a WorldModel with 3 classes.*class WorldModel are not",
        ),
        (
            trained_model(f"{LAYERS['yolo11']} Conv"),
            "not those of YOLOv5u, YOLOv8, YOLO11 or YOLO26",
        ),
        (trained_model("Conv C3k2"), "not those of YOLOv5u"),
        (
            trained_model(LAYERS["yolov5"], "Segment", "SegmentationModel"),
            "a segmentation model.*not those of YOLOv5u",
        ),
        (trained_model(scale=""), "does not say which scale"),
        (trained_model(channels=1), "takes 1 channels"),
        (trained_model(head="Pose", model="PoseModel"), "which key points"),
        (trained_model(head="Pose", model="PoseModel", key_points=(4, 5)), "which key points"),
        (trained_model(names=(), nc=0), "how many classes"),
    ],
)
def test_others_and_the_way_that_works(tmp_path: Path, model: nn.Module, why: str) -> None:
    message = told(tmp_path / "best.pt", model, size=[160, 320])
    assert "best.pt: an ultralytics checkpoint: a " in message
    assert ", trained at 160x320 pixels. " in message and "nothing of the file is run" in message
    assert "    yolo export model=best.pt format=torchscript imgsz=160,320\n" in message
    assert "    ./foundry new --from best.torchscript --inputs image=1,3,160,320\n" in message
    assert re.search(why, message), message


def test_simulated_quantization_is_refused(tmp_path: Path) -> None:
    message = told(tmp_path / "m.pt", trained_model(), modelopt={"state": 1})
    assert "trained with simulated quantization" in message


def test_values_can_be_taken_all_the_same(tmp_path: Path) -> None:
    save_trained(tmp_path / "best.pt", trained_model())
    found = recognise(tmp_path / "best.pt", values_only=True)
    assert found.form is Form.STATE_DICT and found.taken is not None
    assert "model.0.conv.weight" in found.taken.tensors


def test_settings_of_ultralytics_beside_a_state_dict(tmp_path: Path) -> None:
    trainer = trained_model(model="Trainer")
    with importable(trainer):
        torch.save({"model": {"w": torch.ones(1)}, "trainer": trainer}, tmp_path / "m.pt")
    found = recognise(tmp_path / "m.pt")
    assert found.taken is not None and found.taken.key == "model"

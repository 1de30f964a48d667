from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

from new_model.command.recognise import recognise
from workspace.errors import ToolError

Make = Callable[[str], nn.Module]


@pytest.fixture()
def make(monkeypatch: pytest.MonkeyPatch) -> Make:
    """A module of ultralytics, by the name of its class; the package itself is not needed."""
    tasks = ModuleType("ultralytics.nn.tasks")
    monkeypatch.setitem(sys.modules, "ultralytics", ModuleType("ultralytics"))
    monkeypatch.setitem(sys.modules, "ultralytics.nn", ModuleType("ultralytics.nn"))
    monkeypatch.setitem(sys.modules, tasks.__name__, tasks)

    def made(name: str) -> nn.Module:
        cls = type(name, (nn.Sequential,), {"__module__": tasks.__name__})
        monkeypatch.setattr(tasks, name, cls, raising=False)
        return cls(nn.Conv2d(3, 4, 1))  # type: ignore[no-any-return]

    return made


def told(path: Path, content: object) -> str:
    torch.save(content, path)
    with pytest.raises(ToolError) as caught:
        recognise(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("DetectionModel", "a detector with 3 classes, trained at 160 pixels"),
        ("SegmentationModel", "a segmentation model with 3 classes"),
        ("PoseModel", "a pose model with 3 classes"),
        ("ClassificationModel", "a classifier with 3 classes"),
        ("OBBModel", "a detector of rotated boxes with 3 classes"),
        ("WorldModel", "a WorldModel with 3 classes"),
    ],
)
@pytest.mark.parametrize("where", ["model", "ema"])
def test_what_it_is_and_the_way_that_works(
    tmp_path: Path, make: Make, name: str, task: str, where: str
) -> None:
    model = make(name)
    vars(model)["names"] = {number: f"thing {number}" for number in range(3)}
    content = {"model": None, "ema": None, "train_args": {"imgsz": 160}, where: model}
    message = told(tmp_path / "best.pt", content)
    assert f"an ultralytics checkpoint: {task}" in message
    assert "    yolo export model=best.pt format=torchscript imgsz=160\n" in message
    assert "    ./foundry new --from best.torchscript --inputs image=1,3,160,160\n" in message
    assert "models/yolo" not in message


def test_rectangles_and_classes_of_coco(tmp_path: Path, make: Make) -> None:
    model = make("DetectionModel")
    vars(model)["yaml"] = {"nc": 80}
    message = told(tmp_path / "my.pt", {"model": model, "train_args": {"imgsz": [384, 640]}})
    assert "trained at 384x640 pixels" in message and "imgsz=384,640" in message
    assert "docs/weights.md" in message


def test_a_file_that_says_little(tmp_path: Path, make: Make) -> None:
    message = told(tmp_path / "bare.pt", make("DetectionModel"))
    assert "a detector. It pickles" in message and "1,3,640,640" in message


def test_settings_of_ultralytics_beside_a_state_dict(tmp_path: Path, make: Make) -> None:
    torch.save({"model": {"w": torch.ones(1)}, "trainer": make("Trainer")}, tmp_path / "m.pt")
    found = recognise(tmp_path / "m.pt")
    assert found.taken is not None and found.taken.key == "model"

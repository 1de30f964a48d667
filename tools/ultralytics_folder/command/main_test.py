from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from typer.testing import CliRunner

from ultralytics_folder.command.main import app

PLAIN = {
    "mean": [0.0, 0.0, 0.0],
    "std": [1.0, 1.0, 1.0],
    "scale": "1/255",
    "colour": "RGB",
    "resize": "letterbox: scaled to fit 320x416",
}
POINTS = ", then for each of {} x and y in pixels of the input{}. Not sorted"
BOXES = "for each of 2730 cells"
LABELS = "bolt\nnut: small\nwasher\n"


def output(name: str, *shape: int, words: str = BOXES) -> dict[str, Any]:
    return {"name": name, "dtype": "float32", "shape": [1, *shape], "description": words}


@pytest.fixture()
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in {
        "pants": "",
        "pants.toml": "",
        "models/my/labels.txt": LABELS,
        "dist/models/my/my_xnnpack.pte": "a program",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def report(root: Path, *outputs: dict[str, Any], **changes: Any) -> None:
    normalisation = {**PLAIN, **changes.pop("normalisation", {})}
    picture = {"name": "image", "dtype": "float32", "shape": [1, 3, 320, 416], "layout": "NCHW"}
    content = {
        "model": "my",
        "family": "my",
        "sha256": hashlib.sha256(b"a program").hexdigest(),
        "weights": {"license": "AGPL-3.0-only"},
        "inputs": [{**picture, "normalisation": normalisation}],
        "outputs": list(outputs) or [output("detections", 7, 2730)],
        "labels": {
            "file": "labels.txt",
            "sha256": hashlib.sha256(LABELS.encode()).hexdigest(),
            "size": len(LABELS),
        },
        **changes,
    }
    (root / "dist/models/my/my_xnnpack.json").write_text(json.dumps(content))


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["dist/models/my/my_xnnpack.pte", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def metadata(root: Path) -> dict[str, Any]:
    text = (root / "dist/models/my/my_xnnpack_executorch_model/metadata.yaml").read_text()
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def test_a_folder(root: Path) -> None:
    report(root)
    code, said = run()
    assert code == 0 and "my_xnnpack_executorch_model" in said, said
    folder = root / "dist/models/my/my_xnnpack_executorch_model"
    assert (folder / "model.pte").read_text() == "a program"
    assert metadata(root) == {
        "description": "my, built by pte-foundry",
        "license": "AGPL-3.0-only",
        "task": "detect",
        "stride": 32,
        "batch": 1,
        "channels": 3,
        "imgsz": [320, 416],
        "end2end": False,
        "args": {"batch": 1, "dynamic": False, "nms": False},
        "names": {0: "bolt", 1: "nut: small", 2: "washer"},
    }
    assert run()[0] == 0


@pytest.mark.parametrize(
    ("task", "outputs", "points"),
    [
        ("segment", (output("detections", 39, 2730), output("prototypes", 32, 80, 104)), None),
        (
            "obb",
            (output("detections", 8, 2730, words="x, then the angle by which the box is turned"),),
            None,
        ),
        (
            "pose",
            (
                output(
                    "poses",
                    7 + 51,
                    2730,
                    words=POINTS.format("COCO's 17 key points", ", and how visible it is"),
                ),
            ),
            [17, 3],
        ),
        ("pose", (output("poses", 7 + 10, 2730, words=POINTS.format("5 key points", "")),), [5, 2]),
        ("classify", (output("probabilities", 3),), None),
    ],
)
def test_tasks(root: Path, task: str, outputs: Any, points: Any) -> None:
    report(root, *outputs)
    code, said = run()
    assert code == 0, said
    found = metadata(root)
    assert found["task"] == task and found.get("kpt_shape") == points


def test_labels_of_ones_own(root: Path) -> None:
    report(root, labels=None)
    code, said = run()
    assert code == 2 and "Give them with --labels FILE" in said
    (root / "mine.txt").write_text("a\nb\nc\n")
    assert run("--labels", "mine.txt")[0] == 0
    assert metadata(root)["names"] == {0: "a", 1: "b", 2: "c"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sha256": "0" * 64}, "is the report of another program"),
        ({"outputs": [output("detections", 84, 2730)]}, "has 80 classes, but there are 3 labels"),
        ({"outputs": [output("logits", 1000)]}, "Name a program of a model of ultralytics"),
        ({"normalisation": {"mean": [0.5, 0.5, 0.5]}}, "Name a program of a model of ultralytics"),
        ({"normalisation": {"resize": "to 320x416"}}, "Name a program of a model of ultralytics"),
        ({"inputs": 3}, "its report cannot be read"),
        ({"labels": {"file": "labels.txt", "sha256": "0" * 64, "size": 1}}, "neither beside it"),
    ],
)
def test_other_programs(root: Path, changes: dict[str, Any], told: str) -> None:
    report(root, **changes)
    code, said = run()
    assert code == 2 and told in said, said
    assert not (root / "dist/models/my/my_xnnpack_executorch_model").exists()


def test_a_program_without_its_report(root: Path) -> None:
    code, said = run()
    assert code == 2 and "that `./pants package` wrote, with its report beside it" in said

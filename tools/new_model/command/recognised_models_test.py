from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from new_model.command.stand_in_repository import fields, run
from pte_foundry.testing.trained_yolo import save_trained, trained_model


def test_a_model_of_timm(root: Path) -> None:
    name = "vit_tiny_patch16_384.augreg_in21k_ft_in1k"
    code, output = run("--from-timm", name, "--backends", "xnnpack", "--license", "Apache-2.0")
    assert code == 0, output
    assert "./foundry pin models/vit_tiny_patch16_384:vit_tiny_patch16_384_weights" in output
    declared = fields(root, "vit_tiny_patch16_384")
    weights, model = declared["model_weights"], declared["pte_model"]
    assert weights["urls"] == [f"https://huggingface.co/timm/{name}/resolve/main/model.safetensors"]
    assert weights["file"] == "vit_tiny_patch16_384.safetensors" and "sha256" not in weights
    assert model["inputs"] == {"image": "float32[1,3,384,384]"}
    assert model["builder_resolve"] == "timm" and list(model["programs"]) == ["xnnpack"]  # type: ignore[call-overload]
    text = (root / "models/vit_tiny_patch16_384/builder.py").read_text()
    assert f'return timm_definition("{name}")' in text
    compile(text, "builder.py", "exec")
    assert not (root / "checkpoints").exists()


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("mobilenetv4_conv_small.e2400_r224_in1k", "float32[1,3,224,224]"),
        ("convnext_atto.d2_in1k", "float32[1,3,224,224]"),
        ("mobilenetv4_conv_large.e500_r256_in1k", "float32[1,3,256,256]"),
        ("resnet50.a1_in1k", "float32[1,3,224,224]"),
    ],
)
def test_inputs_that_a_name_of_timm_says(root: Path, name: str, inputs: str) -> None:
    assert run("--from-timm", name, "--name", "m")[0] == 0
    assert fields(root, "m")["pte_model"]["inputs"] == {"image": inputs}


def test_a_model_of_timm_in_int8(root: Path) -> None:
    name = ("--from-timm", "mobilenetv4_conv_small.e2400_r224_in1k", "--name", "m")
    code, output = run(*name, "--backends", "int8_xnnpack")
    assert code == 0 and "judged on //toolchains:judged_photographs" in output, output
    (program,) = fields(root, "m")["pte_model"]["programs"].values()  # type: ignore[attr-defined]
    assert program["test"] == {"photographs": ["//toolchains:judged_photographs"]}


def test_a_checkpoint_of_ultralytics_in_int8(root: Path) -> None:
    save_trained(root / "../best.pt", trained_model(), size=[320, 416])
    code, output = run("--from", "../best.pt", "--backends", "int8_xnnpack,int8_coreml")
    assert code == 0, output
    assert "int8_xnnpack: xnnpack_static: weights and activations in int8" in output
    assert "CALIBRATED on photographs of everyday things: better give --calibration" in output
    programs: Any = fields(root, "best")["pte_model"]["programs"]
    static, weights = programs["int8_xnnpack"], programs["int8_coreml"]
    assert static["calibration"] == ["//toolchains:calibration"]
    assert [path.rpartition("/")[2] for path in static["rewrites"]] == [
        "ultralytics_for_xnnpack.py",
        "spelled_out_silu.py",
    ]
    options = static["quantization_options"]
    assert options["float_own"] == "model.23" and options["float_operators"] == "aten.bmm"
    assert "model.23.box_branches.*.2" in options["float_modules"]
    assert weights["quantization"] == [
        "src/python/pte_foundry/quantization/recipes/weights_only.py"
    ]
    assert weights["rewrites"] == ["src/python/pte_foundry/rewrites/ultralytics_for_float16.py"]


def test_a_checkpoint_of_ultralytics(root: Path) -> None:
    save_trained(root / "../best.pt", trained_model(), size=[320, 416])
    arguments = ("--from", "../best.pt", "--backends", "portable,xnnpack,coreml")
    code, output = run(*arguments)
    assert code == 0, output
    assert (
        "recognised as checkpoint of ultralytics: yolo11n, a detector with 3 classes, bolt, nut, washer."
        in output
    )
    assert "fill in" not in output and "./pants test models/best::" in output
    declared = fields(root, "best")
    weights, model = declared["model_weights"], declared["pte_model"]
    assert weights["license"] == "AGPL-3.0-only" and weights["file"] == "best.pt"
    assert "whole_model" not in weights and "python_sources" in declared
    assert model["inputs"] == {"image": "float32[1,3,320,416]"}
    assert (model["task"], model["labels"]) == ("object detection", "labels.txt")
    assert model["builder_resolve"] == "ultralytics" and "test" not in model
    folder = "src/python/pte_foundry/rewrites/ultralytics_for"
    assert model["programs"] == {
        "portable": {"rewrites": [f"{folder}_portable.py"]},
        "xnnpack": {"rewrites": [f"{folder}_xnnpack.py"]},
        "coreml": {"rewrites": [f"{folder}_float16.py"]},
    }
    bounds: Any = model["bounds"]
    assert bounds["xnnpack"]["max_abs_difference"] == 0.05
    assert bounds["coreml"]["max_abs_difference"] == 40.0
    texts = {path.name: path.read_text() for path in (root / "models/best").iterdir()}
    assert sorted(texts) == ["BUILD", "README.md", "builder.py", "labels.txt"]
    assert texts["labels.txt"] == "bolt\nnut\nwasher\n"
    call = 'return ultralytics_definition("yolo11n", classes=3, size=(320, 416))'
    assert call in texts["builder.py"]

    chosen = ("--inputs", "1,3,640,640", "--license", "LicenseRef-Mine", "--name", "mine")
    assert run(*arguments, *chosen)[0] == 0
    declared = fields(root, "mine")
    assert declared["pte_model"]["inputs"] == {"image": "float32[1,3,640,640]"}
    assert declared["model_weights"]["license"] == "LicenseRef-Mine"


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        (["1,3,320,410"], "multiples of 32, not 320x410. Say --inputs image=1,3,320,416"),
        (["1,1,320,320"], "takes one picture, such as --inputs image=1,3,640,640"),
        (["1,3,320,320", "1,3,320,320"], "takes one picture"),
        (["1,3,s=32..64,32"], "takes one picture"),
        (["uint8[1,3,320,320]"], "takes one picture"),
    ],
)
def test_inputs_that_ultralytics_does_not_take(root: Path, inputs: list[str], told: str) -> None:
    save_trained(root / "../best.pt", trained_model())
    options = [word for one in inputs for word in ("--inputs", one)]
    code, output = run("--from", "../best.pt", *options)
    assert code == 2 and told in output, output
    assert not (root / "models/best").exists()


def test_the_photograph_is_for_who_knows_it(root: Path) -> None:
    coco = ["person", "bus"]
    (root / "models/yolo").mkdir()
    (root / "models/yolo/labels.txt").write_text("person\nbus\n")
    save_trained(root / "../coco.pt", trained_model(names=coco))
    poses = trained_model(head="Pose", model="PoseModel", names=["person"], key_points=(17, 3))
    save_trained(root / "../poses.pt", poses)
    hands = trained_model(head="Pose", model="PoseModel", names=["person"], key_points=(21, 3))
    save_trained(root / "../hands.pt", hands)
    for name, knows in (("coco", True), ("poses", True), ("hands", False)):
        assert run("--from", f"../{name}.pt")[0] == 0
        test: Any = fields(root, name)["pte_model"].get("test", {})
        assert test.get("photographs") == (["//toolchains:detected_photograph"] if knows else None)
    call = "key_points=(21, 3)"
    assert call in (root / "models/hands/builder.py").read_text()

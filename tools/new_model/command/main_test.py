from __future__ import annotations

import argparse
import ast
import errno
import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from typer.testing import CliRunner

from new_model.command.main import app
from pte_foundry.models.eager import build_eager
from pte_foundry.records.model_request import ModelRequest, WeightsRequest
from pte_foundry.records.tensor_spec import parse_tensor_spec
from pte_foundry.testing.trained_yolo import save_trained, trained_model

TOOLCHAINS = (
    'pte_backend(name="portable", dynamic_dimensions=True)\n'
    'pte_backend(name="xnnpack", dynamic_dimensions=True, precisions=["fp32", "int8"], '
    'max_size_ratios={"fp32": 1.08})\n'
    'pte_backend(name="coreml", precisions=["fp16", "int8"], max_size_ratios={"fp16": 0.54})\n'
)


INT8 = ("--from", "../my-net.pt", "--backends", "int8_xnnpack")


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 2)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.head(values)
        return scores


@pytest.fixture()
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "repository"
    for name, text in {
        "pants": "",
        "pants.toml": "",
        ".gitignore": "/checkpoints/\n",
        "toolchains/BUILD": TOOLCHAINS,
        "models/taken/BUILD": 'pte_model(name="one", programs={"portable": {"x": 1}})\n',
        "operators.py": "",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    git = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
    for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "First"]):
        subprocess.run([*git, *arguments], cwd=root, check=True)
    monkeypatch.chdir(root)
    torch.jit.script(Net()).save(str(tmp_path / "my-net.pt"))  # type: ignore[no-untyped-call]
    torch.save(Net().state_dict(), tmp_path / "values.pth")
    torch.save(Net(), tmp_path / "whole.pt")
    (tmp_path / "inputs").mkdir()
    for number in range(6):
        np.save(tmp_path / f"inputs/{number}.npy", np.full((1, 4), number, np.float32))
    (tmp_path / "page.pt").write_text("<!DOCTYPE html>")
    for name in ("My Net.v2.PT", "modèle.pt", "2022-net.pt", "日本.pt"):
        shutil.copyfile(tmp_path / "my-net.pt", tmp_path / name)
    return root


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def fields(root: Path, name: str) -> dict[str, dict[str, object]]:
    """The literal fields of each call in the BUILD file, by what is called."""
    tree = ast.parse((root / "models" / name / "BUILD").read_text())
    return {
        node.func.id: {str(k.arg): ast.literal_eval(k.value) for k in node.keywords}
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


def test_torchscript(root: Path) -> None:
    code, output = run("--from", "../my-net.pt", "--inputs", "1,4", "--backends", "xnnpack, coreml")
    assert code == 0, output
    assert "TorchScript" in output and "./pants test models/my_net::" in output
    declared = fields(root, "my_net")
    content = (root / "checkpoints/my_net.pt").read_bytes()
    weights = declared["model_weights"]
    assert weights["sha256"] == hashlib.sha256(content).hexdigest()
    assert (weights["size"], weights["whole_model"]) == (len(content), True)
    model = declared["pte_model"]
    assert model["inputs"] == {"input": "float32[1,4]"}
    assert list(model["programs"]) == ["xnnpack", "coreml"] == list(model["bounds"])  # type: ignore[call-overload]
    float32, float16 = model["bounds"].values()  # type: ignore[attr-defined]
    # The budget of the backend, and room for the structure of a program with ten parameters.
    structure = 512_000 / 40
    assert float32["max_size_ratio"] == pytest.approx(1.08 + structure, abs=0.01)
    assert float16["max_size_ratio"] == pytest.approx(0.54 + structure, abs=0.01)
    assert "min_cosine" in float16 and "min_cosine" not in float32
    assert str(model["builder"]).endswith("models/own/torchscript.py")
    assert sorted(path.name for path in (root / "models/my_net").iterdir()) == [
        "BUILD",
        "README.md",
    ]


def all_calls(root: Path, name: str) -> list[tuple[str, dict[str, object]]]:
    """As `fields`, in the file's order, where one is called several times."""
    tree = ast.parse((root / "models" / name / "BUILD").read_text())
    return [
        (node.value.func.id, {str(k.arg): ast.literal_eval(k.value) for k in node.value.keywords})
        for node in tree.body
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
    ]


def test_int8_on_samples(root: Path) -> None:
    code, output = run(
        *("--from", "../my-net.pt", "--inputs", "1,4", "--calibration", "../inputs"),
        *("--backends", "int8_xnnpack,int8_coreml,xnnpack"),
    )
    assert code == 0, output
    assert "int8_xnnpack in int8, int8_coreml in int8, xnnpack in fp32" in output
    assert "copied 6 samples, 864 bytes, to models/my_net/samples" in output
    assert "int8_xnnpack: xnnpack_static: " in output
    assert "calibrated on 5 samples, judged on 1 others" in output
    assert "int8_coreml: weights_only: " in output
    samples = root / "models/my_net/samples"
    assert sorted(path.name for path in (samples / "calibration").iterdir()) == [
        *("0.npy", "1.npy", "2.npy", "4.npy", "5.npy")
    ]
    assert [path.read_bytes() for path in (samples / "judged").iterdir()] == [
        (root / "../inputs/3.npy").read_bytes()
    ]
    calls = all_calls(root, "my_net")
    assert calls[1:4] == [
        (
            "sample_set",
            {"name": "calibration_samples", "sources": ["samples/calibration/*"]},
        ),
        ("calibration_set", {"name": "calibration", "samples": [":calibration_samples"]}),
        ("sample_set", {"name": "judged_samples", "sources": ["samples/judged/*"]}),
    ]
    programs = fields(root, "my_net")["pte_model"]["programs"]
    assert isinstance(programs, dict) and programs["xnnpack"] == {}
    assert programs["int8_xnnpack"]["calibration"] == [":calibration"]
    assert programs["int8_xnnpack"]["min_quantized_weights"] == 0.5
    assert "calibration" not in programs["int8_coreml"]
    for key in ("int8_xnnpack", "int8_coreml"):
        assert programs[key]["test"] == {"samples": [":judged_samples"]}
    bounds = fields(root, "my_net")["pte_model"]["bounds"]
    assert isinstance(bounds, dict) and bounds["int8_xnnpack"]["max_relative_error"] == 0.2


def test_samples_that_only_judge(root: Path) -> None:
    arguments = ("--from", "../my-net.pt", "--inputs", "1,4", "--calibration", "../inputs")
    code, output = run(*arguments, "--backends", "int8_coreml")
    assert code == 0 and "not calibrated, judged on 1 samples" in output, output
    assert [path.name for path in (root / "models/my_net/samples").iterdir()] == ["judged"]
    assert [alias for alias, _ in all_calls(root, "my_net")] == [
        *("model_weights", "sample_set", "pte_model")
    ]


def test_int8_on_declared_ranges_says_so(root: Path) -> None:
    code, output = run(*INT8, "--inputs", "1,4{-1.0..1.0}")
    assert code == 0 and "CALIBRATED ON RANDOM VALUES within the declared ranges" in output, output
    (program,) = fields(root, "my_net")["pte_model"]["programs"].values()  # type: ignore[attr-defined]
    assert program["quantization_options"]["random_inputs"] == "32"
    assert not program.keys() & {"calibration", "test"}


@pytest.mark.parametrize("inputs", ["1,4", "int64[1,4]{0..9}", "int64[1,4]"])
def test_int8_without_anything_to_calibrate_on(root: Path, inputs: str) -> None:
    code, output = run(*INT8, "--inputs", inputs)
    assert code == 0 and "not calibrated, judged on random values" in output, output
    (program,) = fields(root, "my_net")["pte_model"]["programs"].values()  # type: ignore[attr-defined]
    assert "xnnpack_dynamic" in program["quantization"][0]


@pytest.mark.parametrize(
    ("inputs", "ratio"),
    [("1,3,224,224", 200.0), ("int64[1,12]{0..49}", 273067.0), ("1,128,128", 200.0)],
)
def test_memory_has_a_budget_of_its_own_beside_a_few_tokens(
    root: Path, inputs: str, ratio: float
) -> None:
    """A test without one has the usual 1.05, which programs with undelegated operators exceed."""
    assert run(*INT8, "--inputs", inputs)[0] == 0
    (bounds,) = fields(root, "my_net")["pte_model"]["bounds"].values()  # type: ignore[attr-defined]
    assert bounds["max_planned_memory_ratio"] == ratio


def test_samples_are_not_left_behind_without_their_model(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copyfile

    def no_space(source: Path, destination: Path, **options: bool) -> object:
        if Path(source).suffix == ".npy":
            raise OSError(errno.ENOSPC, "No space left on device")
        return copy(source, destination, **options)

    monkeypatch.setattr("shutil.copyfile", no_space)
    code, output = run(*INT8, "--inputs", "1,4", "--calibration", "../inputs")
    assert code == 2 and "No space left" in output
    assert [path.name for path in (root / "models").iterdir()] == ["taken"]
    assert not list((root / "checkpoints").iterdir())


def test_a_state_dict_gets_a_builder_that_says_what_is_missing(root: Path) -> None:
    inputs = ("--inputs", "tokens=int64[1,n=1..8]{0..9}", "--inputs", "mask=bool[1,n=1..8]")
    code, output = run("--from", "../values.pth", *inputs, "--name", "words")
    assert code == 0 and "fill in models/words/builder.py" in output
    declared = fields(root, "words")
    assert declared["pte_model"]["builder"] == "models/words/builder.py"
    assert "python_sources" in declared and "whole_model" not in declared["model_weights"]
    text = (root / "models/words/builder.py").read_text()
    names: dict[str, object] = {}
    exec(compile(text, "builder.py", "exec"), names)
    with pytest.raises(Exception, match="models/words/builder.py") as caught:
        names["build"]("words")  # type: ignore[operator]
    assert getattr(caught.value, "kind", None) == "bad-builder"
    assert 'InputContract("tokens", (1, 8)' in text and 'InputContract("mask", (1, 8)' in text


def test_a_pickled_module_has_to_be_allowed_by_name(root: Path) -> None:
    arguments: tuple[str, ...] = ("--from", "../whole.pt", "--inputs", "1,4")
    code, output = run(*arguments)
    assert code == 2 and "state_dict" in output
    for name in (f"{Net.__module__}.Net", "torch.nn.modules.linear.Linear"):
        assert f"--allow-class {name}" in output
        arguments = (*arguments, "--allow-class", name)
    assert not (root / "models/whole").exists() and not (root / "checkpoints").exists()
    code, output = run(*arguments, "--imports", "operators.py")
    assert code == 0, output
    model = fields(root, "whole")["pte_model"]
    assert model["imports"] == ["operators.py"] and len(model["allowed_classes"]) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--from", "../my-net.pt"], "--inputs are needed"),
        (["--floors", "none"], "there is no models/none/BUILD"),
        (["--inputs", "1,4"], "--from"),
        (["--from", "../page.pt", "--inputs", "1,4"], "a web page"),
        (["--from", "../My Net.v2.PT", "--inputs", "1,4"], "Say --name my_net_v2, or"),
        (["--from", "../modèle.pt", "--inputs", "1,4"], "Say --name modele, or"),
        (["--from", "../2022-net.pt", "--inputs", "1,4"], "Say --name model_2022_net, or"),
        (["--from", "../日本.pt", "--inputs", "1,4"], "Say --name model, or"),
        (["--from", "../values.pth", "--inputs", "1,4", "--key", "x"], "--key x: "),
        (
            ["--from", "../values.pth", "--inputs", "1,4", "--prefix", "model."],
            "first ones are head.",
        ),
        (["--from", "../values.pth", "--inputs", "1,4", "--prefix", "model"], "up to a dot"),
        (["--from", "../my-net.pt", "--inputs", "1,4", "--key", "x"], "another form: TorchScript"),
        (["--from-timm", "resnet50"], "with the tag of its weights"),
        (["--from-timm", "../x.in1k"], "with the tag of its weights"),
        (["--from-timm", "resnet50.a1_in1k", "--from", "../my-net.pt"], "or --from-timm"),
        (["--from-timm", "resnet50.a1_in1k", "--name", "taken"], "exists already"),
        (["--from-python", "net.py:Net", "--inputs", "1,4"], "go together"),
        (["--weights", "../values.pth", "--inputs", "1,4"], "go together"),
        (
            [
                "--from",
                "../my-net.pt",
                "--from-python",
                "a.py:A",
                "--weights",
                "x",
                "--inputs",
                "1",
            ],
            "in the place of --from",
        ),
        (["--from", "../none.pt", "--inputs", "1,4"], "cannot be read"),
        (["--from", "../my-net.pt", "--inputs", "1,x"], "grammar"),
        (["--from", "../my-net.pt", "--inputs", "1,0"], "positive"),
        (["--from", "../my-net.pt", "--inputs", "a=1,4", "--inputs", "a=1,4"], "one name"),
        (
            ["--from", "../my-net.pt", "--inputs", "1,4", "--name", "taken"],
            "exists already. Choose another --name, such as taken_2",
        ),
        (
            ["--from", "../my-net.pt", "--inputs", "1,4", "--name", "one"],
            "models/taken has a model one",
        ),
        (["--from", "../my-net.pt", "--inputs", "1,4", "--name", "../x"], "letters"),
        (["--from", "../my-net.pt", "--inputs", "1,4", "--backends", ""], "portable, xnnpack"),
        (["--from", "../my-net.pt", "--inputs", "1,4", "--backends", "tpu"], "portable, xnnpack"),
        (["--from", "../my-net.pt", "--inputs", "1,4", "--backends", "xnnpack,xnnpack"], "once"),
        (
            [
                "--from",
                "../my-net.pt",
                "--inputs",
                "1,n=1..4",
                "--backends",
                "xnnpack,int8_xnnpack",
            ],
            "which are for portable and xnnpack only. Declare fixed sizes, or leave out int8_xnnpack",
        ),
        (
            ["--from", "../my-net.pt", "--inputs", "1,4", "--backends", "int8_portable"],
            "out of portable, xnnpack, int8_xnnpack, coreml, int8_coreml",
        ),
        (
            ["--from", "../my-net.pt", "--inputs", "1,4", "--calibration", "models"],
            "names none. Name one of int8_xnnpack, int8_coreml",
        ),
        ([*INT8, "--inputs", "1,4", "--calibration", "../none"], "none is no folder"),
        (
            [*INT8, "--inputs", "1,5", "--calibration", "../inputs"],
            "0.npy: 'input' is float32[1,4]",
        ),
        ([*INT8, "--inputs", "1,4{0.0..1.0}", "--calibration", "../inputs"], "from 2.0 to 2.0"),
        (["--from", "../my-net.pt", "--inputs", "1,4", "--license", 'A"B'], "SPDX identifier"),
        (["--from", "../my-net.pt", "--inputs", "1,4", "--allow-class", "a.B"], "--allow-class"),
        (["--from", "../my-net.pt", "--inputs", "1,4", "--imports", "../x.py"], "no Python file"),
        (
            ["--from", "../my-net.pt", "--inputs", "float32[1,n=1..4]", "--backends", "coreml"],
            "dynamic dimensions, which are for portable and xnnpack only. Declare fixed sizes, or leave out coreml",
        ),
    ],
)
def test_refusals_write_nothing(root: Path, arguments: list[str], told: str) -> None:
    code, output = run(*arguments)
    assert code == 2 and told in output, output
    assert [path.name for path in (root / "models").iterdir()] == ["taken"]
    assert not (root / "checkpoints").exists()


def test_another_checkpoint_of_that_name_is_kept(root: Path) -> None:
    (root / "checkpoints").mkdir()
    (root / "checkpoints/my_net.pt").write_bytes(b"something else")
    code, output = run("--from", "../my-net.pt", "--inputs", "1,4")
    assert code == 2 and "other content. Choose another --name" in output
    assert (root / "checkpoints/my_net.pt").read_bytes() == b"something else"
    assert not (root / "models/my_net").exists()


def test_two_files_of_one_name(root: Path) -> None:
    for number in (1, 2):
        torch.save(Net().state_dict(), "../model.pth")
        arguments = ("--from", "../model.pth", "--inputs", "1,4", "--name", f"model_{number}")
        assert run(*arguments)[0] == 0
    first, second = ((root / f"checkpoints/model_{number}.pth").read_bytes() for number in (1, 2))
    assert first != second
    for number, content in ((1, first), (2, second)):
        pinned = fields(root, f"model_{number}")["model_weights"]
        assert pinned["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_checkpoint_that_is_there_already_is_not_copied(root: Path) -> None:
    (root / "checkpoints").mkdir()
    shutil.copyfile("../my-net.pt", "checkpoints/From Somewhere.pt")
    arguments = ("--from", "checkpoints/From Somewhere.pt", "--inputs", "1,4", "--name", "net")
    assert run(*arguments)[0] == 0
    assert os.listdir("checkpoints") == ["From Somewhere.pt"]
    assert fields(root, "net")["model_weights"]["file"] == "net.pt"
    assert run("--check")[0] == 0


@pytest.mark.parametrize("was_there", [False, True])
def test_a_checkpoint_is_not_left_behind_without_its_model(
    root: Path, monkeypatch: pytest.MonkeyPatch, was_there: bool
) -> None:
    copy = root / "checkpoints/my_net.pt"
    if was_there:
        copy.parent.mkdir()
        shutil.copyfile("../my-net.pt", copy)

    def no_space(*_: object, **__: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.mkdtemp", no_space)
    code, output = run("--from", "../my-net.pt", "--inputs", "1,4")
    assert code == 2 and "No space left" in output
    assert not (root / "models/my_net").exists()
    assert copy.exists() == was_there


def test_dynamic_sizes_need_no_element_type(root: Path) -> None:
    code, output = run("--from", "../my-net.pt", "--inputs", "1,n=1..4")
    assert code == 0, output
    assert fields(root, "my_net")["pte_model"]["inputs"] == {"input": "float32[1,n=1..4]"}


def test_ranges_of_values_need_no_element_type(root: Path) -> None:
    code, output = run("--from", "../my-net.pt", "--inputs", "x=1,4{0.0..1.0}")
    assert code == 0, output
    assert fields(root, "my_net")["pte_model"]["inputs"] == {"x": "float32[1,4]{0.0..1.0}"}


def test_what_was_taken_of_a_checkpoint(root: Path) -> None:
    state = {f"model.{name}": value for name, value in Net().state_dict().items()}
    content = {"state_dict": state, "state_dict_ema": state, "args": argparse.Namespace(lr=0.1)}
    torch.save(content, "../last.ckpt")
    arguments = ("--from", "../last.ckpt", "--inputs", "1,4")
    code, output = run(*arguments)
    assert code == 0, output
    assert "took state_dict: 2 tensors, 40 bytes, float32" in output
    assert "all names begin with model., which they lose unless" in output
    assert "left in the file: state_dict_ema (2 tensors, 40 bytes, float32); --key takes" in output
    assert "not read, and never run: argparse.Namespace" in output
    text = (root / "models/last/builder.py").read_text()
    assert 'adapt_checkpoint=partial(plain_state_dict, key="state_dict"),' in text
    assert "unknown_as_records=True" in text
    chosen = ("--key", "state_dict_ema", "--prefix", "model.", "--name", "averaged")
    assert run(*arguments, *chosen)[0] == 0
    text = (root / "models/averaged/builder.py").read_text()
    assert 'partial(plain_state_dict, key="state_dict_ema", prefix="model.")' in text
    card = (root / "models/averaged/README.md").read_text()
    assert (
        "`averaged.pth`, a state_dict, of which `state_dict_ema` is taken, the names that begin"
        in card
    )


def test_tied_weights_are_told(root: Path) -> None:
    weight = torch.ones(2, 3)
    torch.save({"words.weight": weight, "head.weight": weight}, "../tied.pth")
    code, output = run("--from", "../tied.pth", "--inputs", "1,4")
    assert code == 0 and "words.weight and head.weight are one tensor: tie them" in output


NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, classes: int) -> None:
        super().__init__()
        self.head = nn.Linear(4, classes)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.head(values)
"""


@pytest.mark.parametrize("form", ["state_dict", "envelope", "safetensors", "pickled", "legacy"])
def test_from_a_python_file_to_a_model_with_its_weights(
    root: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    Path("../net.py").write_text(NET)
    net = Net()
    state = net.state_dict()
    file = "../w.safetensors" if form == "safetensors" else "../w.pt"
    if form == "safetensors":
        save_file(state, file)
    elif form == "envelope":
        wrapped = {f"module.{name}": value for name, value in state.items()}
        torch.save({"net": wrapped, "args": argparse.Namespace(lr=1)}, file)
    else:
        content = net if form == "pickled" else state
        torch.save(content, file, _use_new_zipfile_serialization=form != "legacy")
    name = f"mine_{form}"
    arguments = ("--from-python", "../net.py:Net", "--weights", file, "--args", "classes=2")
    code, output = run(*arguments, "--inputs", "x=1,4", "--name", name, "--outputs", "scores")
    assert code == 0, output
    assert "fill in" not in output
    declared = fields(root, name)
    assert ("builder_resolve" in declared["pte_model"]) == (form == "safetensors")
    # As an export does it.
    monkeypatch.syspath_prepend(str(root))
    weights = WeightsRequest("official", str(declared["model_weights"]["file"]))
    inputs = (parse_tensor_spec("x", "float32[1,4]"),)
    request = ModelRequest(name, f"models.{name}.builder", inputs, weights)
    eager = build_eager(request, root / "checkpoints")
    x = torch.rand(1, 4)
    assert torch.equal(eager.module(x), net(x))
    assert [output.name for output in eager.definition.outputs] == ["scores"]


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


def test_checkpoints_without_a_target(root: Path) -> None:
    assert run("--from", "../my-net.pt", "--inputs", "1,4")[0] == 0
    assert run("--check")[0] == 0
    (root / "checkpoints/other.pth").write_bytes(b"of nobody")
    (root / "models/taken/kept.safetensors").write_bytes(b"of nobody either")
    code, output = run("--check")
    assert code == 1
    assert "checkpoints/other.pth: no target pins it" in output
    assert "models/taken/kept.safetensors: no target pins it" in output
    assert "my-net.pt" not in output

from __future__ import annotations

import argparse
import errno
import hashlib
import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from new_model.command.stand_in_repository import INT8, Net, fields, run
from pte_foundry.models.eager import build_eager
from pte_foundry.records.model_request import ModelRequest, WeightsRequest
from pte_foundry.records.tensor_spec import parse_tensor_spec


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

from __future__ import annotations

import ast
import errno
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from new_model.command.main import app

TOOLCHAINS = (
    'pte_backend(name="portable", dynamic_dimensions=True)\n'
    'pte_backend(name="xnnpack", dynamic_dimensions=True, max_size_ratios={"fp32": 1.08})\n'
    'pte_backend(name="coreml", precisions=["fp16", "int8"], max_size_ratios={"fp16": 0.54})\n'
)


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
    content = (root / "checkpoints/my-net.pt").read_bytes()
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
        (["--inputs", "1,4"], "--from"),
        (["--from", "../none.pt", "--inputs", "1,4"], "cannot be read"),
        (["--from", "../my-net.pt", "--inputs", "1,x"], "grammar"),
        (["--from", "../my-net.pt", "--inputs", "1,0"], "positive"),
        (["--from", "../my-net.pt", "--inputs", "a=1,4", "--inputs", "a=1,4"], "one name"),
        (["--from", "../my-net.pt", "--inputs", "1,4", "--name", "taken"], "exists already"),
        (
            ["--from", "../my-net.pt", "--inputs", "1,4", "--name", "one"],
            "models/taken has a model one",
        ),
        (["--from", "../my-net.pt", "--inputs", "1,4", "--name", "../x"], "letters"),
        (["--from", "../my-net.pt", "--inputs", "1,4", "--backends", ""], "portable, xnnpack"),
        (["--from", "../my-net.pt", "--inputs", "1,4", "--backends", "tpu"], "portable, xnnpack"),
        (["--from", "../my-net.pt", "--inputs", "1,4", "--backends", "xnnpack,xnnpack"], "once"),
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
    (root / "checkpoints/my-net.pt").write_bytes(b"something else")
    code, output = run("--from", "../my-net.pt", "--inputs", "1,4")
    assert code == 2 and "other content" in output
    assert (root / "checkpoints/my-net.pt").read_bytes() == b"something else"
    assert not (root / "models/my_net").exists()


@pytest.mark.parametrize("was_there", [False, True])
def test_a_checkpoint_is_not_left_behind_without_its_model(
    root: Path, monkeypatch: pytest.MonkeyPatch, was_there: bool
) -> None:
    copy = root / "checkpoints/my-net.pt"
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

"""A repository to make models in, for the tests of the command."""

from __future__ import annotations

import ast
import shutil
import subprocess
from pathlib import Path

import numpy as np
import torch
from torch import nn
from typer.testing import CliRunner

from new_model.command.main import app

TOOLCHAINS = (
    'pte_backend(name="portable", dynamic_dimensions=True)\n'
    'pte_backend(name="xnnpack", dynamic_dimensions=True, precisions=["fp32", "int8"], '
    'max_size_ratios={"fp32": 1.08})\n'
    'pte_backend(name="coreml", precisions=["fp16", "int8"], max_size_ratios={"fp16": 0.54})\n'
)


# What asks for an int8 program of a small model.
INT8 = ("--from", "../my-net.pt", "--backends", "int8_xnnpack")


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 2)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.head(values)
        return scores


def make_repository(tmp_path: Path) -> Path:
    """The repository, with checkpoints and inputs beside it."""
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

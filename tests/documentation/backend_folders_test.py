"""Each backend's folder is as docs/architecture.md says, and agrees with its target."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from workspace.backends import backend_calls, read_backends

PAGE = Path("docs/architecture.md")
BACKENDS = Path("src/python/pte_foundry/backends")
FOLDERS = sorted(file.parent for file in BACKENDS.glob("*/lowering.py"))
BY_NAME = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def names(file: Path) -> dict[str, ast.AST]:
    """What a module defines at its top, by name."""
    found: dict[str, ast.AST] = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            found[node.target.id] = node.value
    return found


def test_every_folder_has_a_target_and_every_target_a_folder() -> None:
    assert {folder.name for folder in FOLDERS} == set(read_backends(Path()))


@BY_NAME
def test_the_target_names_files_of_the_folder(folder: Path) -> None:
    fields = {ast.literal_eval(call["name"]): call for _, call in backend_calls(Path())}
    target = fields[folder.name]
    assert ast.literal_eval(target["lowering"]) == [str(folder / "lowering.py")]
    interpreter = folder / "program.py"
    stated = ast.literal_eval(target["interpreter"]) if "interpreter" in target else []
    assert stated == ([str(interpreter)] if interpreter.exists() else [])


@BY_NAME
def test_the_modules_define_what_their_loaders_need(folder: Path) -> None:
    lowering = names(folder / "lowering.py")
    assert {"PRECISIONS", "OPTIONS", "check_options", "lower"} <= set(lowering)
    precisions = lowering["PRECISIONS"]
    assert isinstance(precisions, ast.expr)
    assert ast.literal_eval(precisions) == read_backends(Path())[folder.name].precisions
    if (folder / "program.py").exists():
        assert "interpret" in names(folder / "program.py")
        assert (folder / "payload.py").exists() and (folder / "content.py").exists()


def test_files_of_several_folders_are_on_the_page() -> None:
    described = set(
        re.findall(r"^\| `([\w.]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    )
    kept = [
        {file.name for file in folder.iterdir() if not file.stem.endswith("_test")}
        for folder in FOLDERS
    ]
    everywhere = set.union(*kept) - {"BUILD", "__init__.py", "__pycache__"}
    assert described <= everywhere
    assert {name for name in everywhere if sum(name in each for each in kept) > 1} <= described

"""Where in which BUILD file a target is written."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from workspace.errors import ToolError

_TARGET_TYPE = "model_weights"


@dataclass(frozen=True)
class BuildFile:
    """text: with its own line endings. statement: the index of the target's call among the file's statements."""

    path: Path
    text: str
    statement: int


def find_build_file(folder: Path, name: str) -> BuildFile:
    """The file in `folder`, `BUILD` or `BUILD.*`, that declares the target literally and at its top level.

    Raises ToolError if none does (a macro or a loop makes the target), or if a file cannot be parsed.
    """
    found = []
    for path in sorted(folder.glob("BUILD*")):
        if path.name == "BUILD" or path.name.startswith("BUILD."):
            text = path.read_bytes().decode("utf-8")
            found += [BuildFile(path, text, index) for index in _statements(path, text, name)]
    if len(found) != 1:
        raise ToolError(
            f"{folder}: {len(found) or 'no'} calls `{_TARGET_TYPE}(name={name!r}, ...)` at the top "
            "level of its BUILD files, expected one. Something else makes the target, such as a "
            "macro: write its sha256 and size by hand; --dry-run shows them"
        )
    return found[0]


def target_call(tree: ast.Module, statement: int) -> ast.Call:
    """The call that is a statement of its own."""
    node = tree.body[statement]
    assert isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    return node.value


def parse(path: Path, text: str) -> ast.Module:
    """Raises ToolError if the text is no Python."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise ToolError(f"{path}: cannot be parsed: {error}") from None


def _statements(path: Path, text: str, name: str) -> list[int]:
    return [
        index
        for index, node in enumerate(parse(path, text).body)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == _TARGET_TYPE
        and _name(node.value, default=path.parent.resolve().name) == name
    ]


def _name(call: ast.Call, default: str) -> str | None:
    """The target's name; None if it is not a literal."""
    for keyword in call.keywords:
        if keyword.arg == "name":
            value = keyword.value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                return value.value
            return None
    return default

"""The Python file that defines a model of which the checkpoint has the values only."""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from workspace.errors import ToolError

_IN_EVERY_TOOLCHAIN = frozenset({"torch", "numpy", "typing_extensions"})
_RESOLVES = ("timm", "torchvision")
"""Resolves for builders that have a package of that name; timm's has both."""
_FORM = re.compile(r"(?P<file>.+\.py):(?P<name>[A-Za-z_][A-Za-z0-9_]*)")
_EXAMPLE = "my/net.py:Net"


@dataclass(frozen=True)
class Architecture:
    """What constructs the model.

    Attributes:
        text: the file, which is copied beside the builder.
        name: of the class or function in it.
        arguments: of the call, as Python.
        resolve: what the builder needs beyond the backend's toolchain; None if nothing.
    """

    text: str
    name: str
    arguments: str
    resolve: str | None


def read_architecture(what: str, arguments: str) -> Architecture:
    """Read `my/net.py:Net`, and arguments such as `classes=10, "small"`. The file is parsed and not run.

    Raises:
        ToolError: for a file that cannot be copied alone, and for arguments that are not literals.
    """
    match = _FORM.fullmatch(what)
    if match is None:
        raise ToolError(
            f"--from-python: {what!r} is not a file and the class in it, such as {_EXAMPLE}"
        )
    path, name = Path(match["file"]), match["name"]
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
    except (OSError, SyntaxError, ValueError) as error:
        raise ToolError(f"--from-python: {path}: cannot be read: {error}") from None
    names = [node.name for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))]
    if name not in names:
        raise ToolError(
            f"--from-python: {path} has no class or function {name} at its top; it has {', '.join(names) or 'none'}"
        )
    return Architecture(text, name, _arguments(arguments), _resolve(path, tree))


def _arguments(text: str) -> str:
    try:
        call = ast.parse(f"f({text})", mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            raise ValueError
        for value in (*call.args, *(word.value for word in call.keywords if word.arg)):
            ast.literal_eval(value)
        if any(word.arg is None for word in call.keywords):
            raise ValueError
    except (SyntaxError, ValueError):
        raise ToolError(
            f"--args: {text!r} are not arguments that are written out, such as classes=10, name='small'. Give a "
            "function without arguments in --from-python instead"
        ) from None
    return ast.unparse(call)[2:-1]


def _resolve(path: Path, tree: ast.Module) -> str | None:
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found.append("." * node.level if node.level else str(node.module))
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
    packages = {name if name.startswith(".") else name.partition(".")[0] for name in found}
    other = sorted(packages - _IN_EVERY_TOOLCHAIN - sys.stdlib_module_names - {*_RESOLVES})
    if other:
        raise ToolError(
            f"--from-python: {path} imports {', '.join(other)}. The file is copied alone, and exports have torch, "
            "numpy, torchvision and timm: put what it needs of your own files into it, or write a builder by hand "
            "(docs/adding-a-model.md, A new family)"
        )
    return next((name for name in _RESOLVES if name in packages), None)

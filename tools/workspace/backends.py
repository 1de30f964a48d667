"""The backends for which models can be declared, read as text: without Pants, which takes seconds to say it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workspace.errors import ToolError

TOOLCHAINS = Path("toolchains/BUILD")
# Backends that the present ExecuTorch has no more, in the last version that has them.
OLDER = "toolchains/executorch_*/BUILD"


@dataclass(frozen=True)
class DeclaredBackend:
    """A `pte_backend`; `./pants help pte_backend` explains the fields.

    Attributes:
        precisions: the default one first.
        sdk: the vendor's SDK that its programs need; None if they need none.
    """

    name: str
    precisions: tuple[str, ...]
    max_size_ratios: Mapping[str, float]
    dynamic_dimensions: bool
    sdk: str | None

    @property
    def precision(self) -> str:
        """The default one."""
        return self.precisions[0]


def read_backends(root: Path) -> dict[str, DeclaredBackend]:
    """By name, in the files' order: the present ones first. Raises ToolError for a field that is no literal."""
    found = {}
    for file, call in backend_calls(root):
        fields = {
            name: literal(call[name], file)
            for name in ("name", "precisions", "max_size_ratios", "dynamic_dimensions", "sdk")
            if name in call
        }
        found[fields["name"]] = DeclaredBackend(
            name=fields["name"],
            precisions=tuple(fields.get("precisions", ("fp32",))),
            max_size_ratios=fields.get("max_size_ratios", {}),
            dynamic_dimensions=fields.get("dynamic_dimensions", False),
            sdk=fields.get("sdk"),
        )
    return found


def backend_calls(root: Path) -> Iterator[tuple[Path, dict[str, ast.expr]]]:
    """The BUILD file and the arguments of each `pte_backend`. Raises ToolError for a BUILD file that is no Python."""
    for file in (root / TOOLCHAINS, *sorted(root.glob(OLDER))):
        for call in calls("pte_backend", file):
            yield file, call


def calls(alias: str, file: Path) -> Iterator[dict[str, ast.expr]]:
    """The arguments by name of each `alias(name=...)` in a BUILD file.

    Raises ToolError for a BUILD file that is not valid Python.
    """
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise ToolError(f"{file}:{error.lineno}: {error.msg}. Fix it first") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == alias:
            arguments = {word.arg: word.value for word in node.keywords if word.arg is not None}
            if isinstance(arguments.get("name"), ast.Constant):
                yield arguments


def literal(value: ast.expr, file: Path) -> Any:
    try:
        return ast.literal_eval(value)
    except ValueError:
        raise ToolError(
            f"{file}:{value.lineno}: {ast.unparse(value)!r} is not a literal. Write the value itself"
        ) from None

"""Where in which BUILD file a target is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import libcst as cst
from libcst import helpers
from libcst.metadata import MetadataWrapper, PositionProvider

from workspace.errors import ToolError

_TARGET_TYPE = "model_weights"


@dataclass(frozen=True)
class BuildFile:
    """module: the file, with its layout. call: the target in it."""

    path: Path
    module: cst.Module
    call: cst.Call

    @property
    def text(self) -> str:
        """With the file's own line endings."""
        return self.module.code

    def line(self, node: cst.CSTNode) -> int:
        """Where the node begins."""
        positions = MetadataWrapper(self.module, unsafe_skip_copy=True).resolve(PositionProvider)
        return positions[node].start.line


def find_build_file(folder: Path, name: str) -> BuildFile:
    """The file in `folder`, `BUILD` or `BUILD.*`, that declares the target literally and at its top level.

    Raises ToolError if none does (a macro or a loop makes the target), or if a file cannot be parsed.
    """
    found = []
    for path in sorted(folder.glob("BUILD*")):
        if path.name == "BUILD" or path.name.startswith("BUILD."):
            module = _parse(path)
            found += [
                BuildFile(path, module, call)
                for call in _targets(module)
                if _name(call, default=folder.resolve().name) == name
            ]
    if len(found) != 1:
        raise ToolError(
            f"{folder}: {len(found) or 'no'} calls `{_TARGET_TYPE}(name={name!r}, ...)` at the top "
            "level of its BUILD files, expected one. Something else makes the target, such as a "
            "macro: write its sha256 and size by hand; --dry-run shows them"
        )
    return found[0]


def arguments(call: cst.Call) -> dict[str, cst.Arg]:
    """The arguments that are given by name."""
    return {argument.keyword.value: argument for argument in call.args if argument.keyword}


def literal(argument: cst.Arg) -> str | int | None:
    """Raises ValueError if the argument's value is not a string, a number or None, written out."""
    value = argument.value
    if isinstance(value, cst.Integer):
        return value.evaluated_value
    if isinstance(value, cst.Name) and value.value == "None":
        return None
    if isinstance(value, (cst.SimpleString, cst.ConcatenatedString)):
        text = value.evaluated_value
        if isinstance(text, str):
            return text
    raise ValueError("not a literal")


def _parse(path: Path) -> cst.Module:
    try:
        return cst.parse_module(path.read_bytes())
    except (cst.ParserSyntaxError, UnicodeDecodeError) as error:
        raise ToolError(f"{path}: cannot be parsed: {error}") from None


def _targets(module: cst.Module) -> list[cst.Call]:
    return [
        statement.value
        for line in module.body
        if isinstance(line, cst.SimpleStatementLine)
        for statement in line.body
        if isinstance(statement, cst.Expr)
        and isinstance(statement.value, cst.Call)
        and helpers.get_full_name_for_node(statement.value) == _TARGET_TYPE
    ]


def _name(call: cst.Call, default: str) -> str | int | None:
    """The target's name; None if it is not a literal."""
    named = arguments(call).get("name")
    try:
        return default if named is None else literal(named)
    except ValueError:
        return None

"""The checkpoints that BUILD files declare, read without Pants."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workspace.errors import ToolError


@dataclass(frozen=True)
class DeclaredCheckpoint:
    """A `model_weights` target. `urls` is empty if its file has to be put into a folder of `[weights] distdirs`."""

    address: str
    file: str
    urls: tuple[str, ...]
    pinned: bool


def declared_checkpoints(root: Path) -> list[DeclaredCheckpoint]:
    """Those below `models/`, sorted by address.

    Raises:
        ToolError: a BUILD file cannot be read.
    """
    files = sorted((root / "models").glob("**/BUILD"))
    found = [each for file in files for each in _in_file(file, root)]
    return sorted(found, key=lambda each: each.address)


def _in_file(file: Path, root: Path) -> Iterator[DeclaredCheckpoint]:
    try:
        calls = [
            node.value
            for node in ast.parse(file.read_text(encoding="utf-8")).body
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        ]
        for call in calls:
            if isinstance(call.func, ast.Name) and call.func.id == "model_weights":
                fields = {
                    each.arg: ast.literal_eval(each.value)
                    for each in call.keywords
                    if each.arg in ("name", "file", "urls", "sha256")
                }
                folder = file.parent.relative_to(root).as_posix()
                yield DeclaredCheckpoint(
                    f"{folder}:{fields.get('name') or file.parent.name}",
                    str(fields.get("file", "")),
                    tuple(fields.get("urls") or ()),
                    fields.get("sha256") is not None,
                )
    except (OSError, SyntaxError, ValueError) as error:
        raise ToolError(
            f"{file}: cannot be read: {error}. Correct it, or see `./pants peek models::`"
        ) from error

"""What the sources can say to a user: the kinds of PteError, and all texts in them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDERS = ("src/python", "tools")
HOLE = "…"
"""Stands for what a message fills in, in our texts and in the documents."""


@dataclass(frozen=True)
class Sources:
    """kinds: each literal first argument of `PteError`, to the files that have it. Where an error of another process is
        raised again, it is not a literal.
    texts: every string of the sources, adjacent literals joined, HOLE for each value that is filled in.
    """

    kinds: dict[str, set[str]]
    texts: tuple[str, ...]

    def say(self, phrase: str) -> bool:
        """Whether a text contains the phrase; a HOLE in it stands for anything within that text."""
        parts = [part.strip() for part in phrase.split(HOLE)]
        return any(_in_order(parts, text) for text in self.texts)


def read_sources(root: Path) -> Sources:
    """The sources below FOLDERS, without tests."""
    kinds: dict[str, set[str]] = {}
    texts: list[str] = []
    for folder in FOLDERS:
        for file in sorted((root / folder).rglob("*.py")):
            if file.name.endswith("_test.py"):
                continue
            tree = ast.parse(file.read_text(encoding="utf-8"))
            for argument in _first_arguments(tree, "PteError"):
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    kinds.setdefault(argument.value, set()).add(str(file.relative_to(root)))
            texts += [text for node in ast.walk(tree) if (text := _text(node)) is not None and text]
    return Sources(kinds, tuple(dict.fromkeys(texts)))


def _first_arguments(tree: ast.AST, function: str) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            called = node.func
            name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
            if name == function:
                yield node.args[0]


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or HOLE for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text(node.left), _text(node.right)
        return None if left is None and right is None else (left or HOLE) + (right or HOLE)
    return None


def _in_order(parts: list[str], text: str) -> bool:
    position = 0
    for part in parts:
        found = text.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return True

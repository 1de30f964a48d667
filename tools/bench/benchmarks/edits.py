"""Edits of a clone's files that no cache has seen before, and that change no behaviour."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workspace.errors import ToolError


def add_unique_comment(file: Path) -> None:
    """Append a comment line to a Python or BUILD file. Raises ToolError if there is no such file."""
    if not file.is_file():
        raise ToolError(
            f"{file.name} is not where the benchmark edits it: {file}. Correct its path"
        )
    text = file.read_text(encoding="utf-8")
    newline = "" if not text or text.endswith("\n") else "\n"
    file.write_text(f"{text}{newline}# Benchmark edit {uuid.uuid4().hex}.\n", encoding="utf-8")


@contextmanager
def unique_comment(file: Path) -> Iterator[None]:
    """`add_unique_comment` for the length of a `with` block."""
    before = file.read_bytes() if file.is_file() else b""
    add_unique_comment(file)
    try:
        yield
    finally:
        file.write_bytes(before)

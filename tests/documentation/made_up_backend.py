"""The backend that docs/adding-a-backend.md adds, as files."""

from __future__ import annotations

import textwrap
from pathlib import Path

from documentation.markdown_text import blocks

PAGE = Path("docs/adding-a-backend.md")
NAME = "mine"
FOLDER = f"src/python/pte_foundry/backends/{NAME}"


def folder_files() -> dict[str, str]:
    """The backend's folder: path to text."""
    return {
        f"{FOLDER}/__init__.py": "",
        f"{FOLDER}/BUILD": "python_sources()\n",
        f"{FOLDER}/lowering.py": _block("def lower("),
    }


def target() -> str:
    """The lines for `toolchains/BUILD`."""
    return _block("pte_backend(")


def _block(part: str) -> str:
    """The one block of code on the page that has this text in it."""
    (found,) = (each for each in blocks(PAGE.read_text(encoding="utf-8")) if part in each)
    return textwrap.dedent(found)

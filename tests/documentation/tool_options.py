"""Whether a command of `./foundry` has the options that a page names.

By its sources: the command itself needs another resolve than the tests of the documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path


def unknown_options(tool: Path, arguments: Iterable[str]) -> list[str]:
    """Options for which no source of the tool has the flag as a string, or a parameter of that name.

    Typer makes `--with-clone` of a parameter `with_clone`.
    """
    texts = [
        file.read_text(encoding="utf-8")
        for file in sorted(tool.rglob("*.py"))
        if not file.name.endswith("_test.py")
    ]
    if not texts:
        return [f"{tool} has no sources"]
    flags = [argument.partition("=")[0] for argument in arguments if argument.startswith("--")]
    return [flag for flag in flags if flag != "--help" and not _is_known(flag, texts)]


def _is_known(flag: str, texts: Iterable[str]) -> bool:
    parameter = re.escape(flag[2:].replace("-", "_"))
    pattern = re.compile(rf'"{re.escape(flag)}["/]|\b{parameter}: (Annotated|bool|str|int|Path)')
    return any(pattern.search(text) for text in texts)

"""The pages that people read, and the commands in them and in the pre-commit hooks.

Tests run at the top of a copy of the repository.
"""

from __future__ import annotations

from pathlib import Path

import yaml  # type: ignore[import-untyped]

from documentation.markdown_text import commands

CONFIGURATION = Path(".pre-commit-config.yaml")


def documented() -> dict[str, list[str]]:
    """Command to the files that have it. `./pants package` in a sentence is not one."""
    found: dict[str, list[str]] = {}
    for page in pages():
        for command in commands(page.read_text(encoding="utf-8")):
            if command.in_block or len(command.text.split()) > 2:
                found.setdefault(command.text, []).append(str(page))
    for text in hook_commands():
        found.setdefault(text, []).append(str(CONFIGURATION))
    return found


def hook_commands() -> list[str]:
    configuration = yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8"))
    return [hook["entry"] for source in configuration["repos"] for hook in source["hooks"]]


def pages() -> list[Path]:
    """All Markdown of the repository, relative to its top, sorted."""
    patterns = ("*.md", ".github/*.md", "docs/*.md", "models/*/*.md")
    return sorted(page for pattern in patterns for page in Path().glob(pattern))

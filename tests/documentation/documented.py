"""The commands that the documents tell readers to type."""

from __future__ import annotations

from documentation.hooks import CONFIGURATION, hook_commands
from documentation.markdown_text import commands
from documentation.pages import pages


def documented() -> dict[str, list[str]]:
    """Command to the files that have it. `./pants package` in a sentence is no command."""
    found: dict[str, list[str]] = {}
    for page in pages():
        for command in commands(page.read_text(encoding="utf-8")):
            if command.in_block or len(command.text.split()) > 2:
                found.setdefault(command.text, []).append(str(page))
    for text in hook_commands():
        found.setdefault(text, []).append(str(CONFIGURATION))
    return found

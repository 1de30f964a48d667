"""The command of a process that Pants ran, read from the `__run.sh` that it leaves in a kept sandbox.

The script is a shell command, but it is read as data: none of it reaches a shell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from workspace.errors import ToolError

# A piece of a word: plain characters, bash's $'...' with its escapes, or an empty string.
_PIECE = re.compile(r"([A-Za-z0-9_@%+=:,./-]+)|\$'((?:[^'\\]|\\.)*)'|''")
_ESCAPE = re.compile(r"\\(?:x(?P<hex>[0-9A-Fa-f]{2})|(?P<letter>.))", re.DOTALL)
_LETTERS = {
    "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"',
}  # fmt: skip


@dataclass(frozen=True)
class Command:
    """argv and the whole environment of a process; its working directory is its sandbox."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]


def parse_run_script(text: str) -> Command:
    """Read a script whose last line is `env -i NAME=VALUE... PROGRAM ARGUMENT...`.

    Raises ToolError for anything else.
    """
    lines = text.splitlines()
    words = _words(lines[-1]) if lines else []
    if words[:2] != ["env", "-i"]:
        raise ToolError(
            f"the last line of a kept sandbox's script does not begin with `env -i`: {lines[-1:]}. "
            "Pants' format has changed"
        )
    environment: dict[str, str] = {}
    rest = words[2:]
    while rest and "=" in rest[0]:
        name, _, value = rest.pop(0).partition("=")
        environment[name] = value
    if not rest:
        raise ToolError(f"a kept sandbox's script starts no program: {lines[-1]}")
    return Command(tuple(rest), environment)


def _words(line: str) -> list[str]:
    words = [""]
    position = 0
    while position < len(line):
        if line[position] == " ":
            words.append("")
            position += 1
            continue
        piece = _PIECE.match(line, position)
        if piece is None:
            raise ToolError(
                "a kept sandbox's script has something unknown: "
                f"{line[position : position + 40]!r}. Pants' quoting has changed"
            )
        plain, escaped = piece.groups(default="")
        words[-1] += plain + _ESCAPE.sub(_unescape, escaped)
        position = piece.end()
    # Bytes beyond ASCII are escaped one by one.
    return [word.encode("latin-1").decode("utf-8") for word in words]


def _unescape(match: re.Match[str]) -> str:
    if match["hex"] is not None:
        return chr(int(match["hex"], 16))
    if match["letter"] not in _LETTERS:
        raise ToolError(f"a kept sandbox's script has the unknown escape {match[0]!r}")
    return _LETTERS[match["letter"]]

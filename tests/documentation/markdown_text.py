"""What tests read from a page of Markdown: its commands, links and headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

_PARSER = MarkdownIt("commonmark").enable("table")
_PROGRAMS = ("./pants ", "./foundry ")
_CONTINUED = re.compile(r"\s*\\\n\s*")
# In a block a command may be followed by what it does, further to the right.
_REMARK = re.compile(r"\s{2,}.*|\s+#.*")


@dataclass(frozen=True)
class DocumentedCommand:
    """A command as a reader would type it.

    in_block: whether it is a line in a block of code, where everything is meant to be typed.
    """

    text: str
    in_block: bool


def commands(page: str) -> list[DocumentedCommand]:
    """The commands of `./pants` and `./foundry` in blocks of code and in inline code, in their order."""
    found: list[DocumentedCommand] = []
    for token in _tokens(page):
        if token.type in ("code_block", "fence"):
            lines = _CONTINUED.sub(" ", token.content).splitlines()
            typed = (line.strip() for line in lines)
            found += [
                DocumentedCommand(_REMARK.sub("", line), True)
                for line in typed
                if line.startswith(_PROGRAMS)
            ]
        elif token.type == "code_inline" and token.content.startswith(_PROGRAMS):
            found.append(DocumentedCommand(token.content.strip(), False))
    return found


def links(page: str) -> list[str]:
    """The addresses of links and pictures."""
    targets = [
        token.attrGet("href" if token.type == "link_open" else "src")
        for token in _tokens(page)
        if token.type in ("link_open", "image")
    ]
    return [str(target) for target in targets]


def anchors(page: str) -> set[str]:
    """What `#...` can point to: headings as GitHub and Python-Markdown write them."""
    tokens = list(_PARSER.parse(page))
    headings = [
        following.content
        for token, following in zip(tokens, tokens[1:])
        if token.type == "heading_open"
    ]
    return {re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", text.lower())) for text in headings}


def blocks(page: str) -> list[str]:
    """The contents of indented and fenced blocks of code."""
    return [token.content for token in _tokens(page) if token.type in ("code_block", "fence")]


def inline_code(page: str) -> list[str]:
    return [token.content for token in _tokens(page) if token.type == "code_inline"]


def _tokens(page: str) -> Iterator[Token]:
    for token in _PARSER.parse(page):
        yield token
        yield from token.children or ()

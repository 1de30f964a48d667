"""Text and values from outside, made fit for a message (standard library only)."""

from __future__ import annotations

import reprlib

LONGEST_MESSAGE = 4_000
"""Characters of the longest message."""

_MORE = " [...] "


def plain(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """`text` with nothing in it that steers a terminal, and at most `longest` characters of it.

    Whatever does not print is written as its escape: control characters, line breaks, lone surrogates, marks that
    reverse the direction of text, invisible characters. If a text is too long, its middle is left out: it says at the
    beginning what is wrong, and at the end what to do about it.
    """
    if len(text) > longest:
        text = _cut(text, longest)
    if text.isprintable():
        return text
    # ascii() writes one character as up to 10.
    escaped = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
    return escaped if len(escaped) <= longest else _cut(escaped, longest)


def shown(value: object) -> str:
    """`repr(value)` of a JSON value, of bounded length and depth."""
    return _REPR.repr(value)


def _cut(text: str, longest: int) -> str:
    end = longest // 3
    return text[: longest - end - len(_MORE)] + _MORE + text[-end:]


def _bounded() -> reprlib.Repr:
    result = reprlib.Repr()
    result.maxlevel = 4
    result.maxlist = result.maxdict = result.maxtuple = 20
    result.maxstring = result.maxother = result.maxlong = 200
    return result


_REPR = _bounded()

"""JSON documents with something odd in them, the same for one seed."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

_DEEP = "DEEP"
ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1.5,
    10**18,
    2**64,
    10**4000,
    1e308,
    "",
    "x",
    "..",
    "../../x",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "CON",
    "nul.txt",
    "a.",
    "-rf",
    ".git",
    "a\x00b",
    "\x1b[2J",
    "\u202etxt.exe",
    "a\nb",
    "\u2028",
    "e\u0301",
    "ＥＶＩＬ",
    *("x" * 100_000, "0" * 64, "F" * 64, "1" * 5_000, "1.4.1\n", "1.4.01", "١.٤", "9.9.9"),
    "http://example.org/x.pte",
    "https://u:p@example.org/x.pte",
    "https://a..b/x.pte",
    "https://[::1/x.pte",
    "https://" + "a" * 300 + "/x.pte",
    "https://127.0.0.1:99999/x.pte",
    "file:///etc/passwd",
    "//evil.example/x.pte",
    *([], {}, [None], ["x"], [[]], {"a": 1}, ["x"] * 10_000, _DEEP),
)
"""Values for where another one is expected. `DEEP` becomes a list of many levels."""

_RAW = (
    b"",
    b"null",
    b"[]",
    b"{",
    b"<html>",
    b"\xff\xfe{}",
    b"\xef\xbb\xbf{}",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"a": 1, "a": 2}',
    b'{"a": NaN}',
    b'{"a": 1e999}',
    b'{"a": "\\ud800"}',
    b'{"a": ' + b"9" * 5_000 + b"}",
    b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
)


def mutated(chance: random.Random, document: object) -> bytes:
    """The document as JSON with one to three changes; rarely with damaged bytes, or entirely other ones."""
    kind = chance.random()
    if kind < 0.08:
        return chance.choice(_RAW)
    value = copy.deepcopy(document)
    for _ in range(chance.randint(1, 3)):
        _change(chance, value)
    content = json.dumps(value).replace(f'"{_DEEP}"', "[" * 900 + "]" * 900).encode()
    if kind < 0.2:
        return _damaged(chance, content)
    return content


def _change(chance: random.Random, value: Any) -> None:
    """Change one place of a list or an object, as likely near the root as far from it."""
    while True:
        places = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not places:
            return
        place = chance.choice(places)
        below = value[place]
        if not isinstance(below, (dict, list)) or not below or chance.random() < 0.2:
            break
        value = below
    what = chance.random()
    if what < 0.15:
        del value[place]
    elif what < 0.25:
        if isinstance(value, dict):
            value[str(chance.choice(("x", "\x1b", "y" * 1_000, str(place).upper())))] = below
        else:
            value.append(copy.deepcopy(below))
    elif what < 0.35 and isinstance(below, str) and below:
        at = chance.randrange(len(below))
        value[place] = (
            below[:at] + chance.choice(("\x1b", "/", "..", "A", "\u202e", "\r\n")) + below[at:]
        )
    else:
        value[place] = copy.deepcopy(chance.choice(ODD))


def _damaged(chance: random.Random, content: bytes) -> bytes:
    at = chance.randrange(len(content))
    what = chance.random()
    if what < 0.4:
        return content[:at]
    if what < 0.7:
        return content[:at] + bytes([chance.randrange(256)]) + content[at + 1 :]
    return content[:at] + content[at // 2 : at] + content[at:]

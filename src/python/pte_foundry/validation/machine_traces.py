"""Whether the bytes of a program reveal the machine that made it.

A path, a name or a date in a `.pte` makes the bytes differ between machines, and tells strangers about
ours. The whole file is searched, payloads included, without knowing its formats. Most of it is numbers,
where any short pattern occurs by chance. If all bytes were equally likely, a pattern of b bits would occur
at a given place with probability 2^-b, and the largest file has fewer than 2^29 places:

- a date (2026-11-21, also 2026/11/21) has 60 bits, so once in 2^31 files;
- a path below /tmp/, the shortest folder searched for, with four characters that occur in paths after
  it and none that belongs to a path before it, has more than 48: once in 2^19 files;
- a folder of this machine, a user's or a machine's name count only as whole words in *text* of at least 16
  printable characters: with four letters 32 bits, and 1.4 for each other character of the text: 2^-48.

Real weights make chance even rarer: the exponents of floats, every second or fourth byte, are hardly ever
letters. And bytes are the same from run to run: a false alarm would not flicker, but be one artifact to
look at.
"""

from __future__ import annotations

import getpass
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from pte_foundry.validation.case import Case, Outcome, run_case

_TEXT = 16
"""This many printable characters in a row count as text, in which names are searched for."""
_SHOWN = 60
_MOST = 5

_FOLDERS = (
    "home|Users|root|tmp|private|var|usr|opt|mnt|srv|work|workspace|builds?|data|media|Library|"
    "Applications|Volumes|github|runner|__w"
)
# What precedes a match is checked after its first literal, which keeps the search fast. A match is not in the middle of
# a path, as in `layers/data/weight`; it follows the letter of a drive; it is at the beginning of a number.
_PATH = re.compile(rb"/(?<![\w.~-]/)(?:%b)/[\w.~+@%%/-]{4}" % _FOLDERS.encode(), re.ASCII)
_WINDOWS_PATH = re.compile(
    rb":(?<=[A-Za-z]:)(?:\\\\?|/)(?:Users|Windows|Program Files|ProgramData|Documents and Settings|Temp|actions)"
    rb"(?:\\\\?|/)[\w.~ -]{3}",
    re.ASCII,
)
_DATE = re.compile(
    rb"20(?<![0-9]20)[0-9]{2}([-/])(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12][0-9]|3[01])(?![0-9])"
)
# Searched for one by one: a pattern that begins with different bytes is forty times slower.
_PARTS_OF_PATHS = ("site-packages", "dist-packages", ".pex_root", "pants-sandbox")
_PRINTABLE = re.compile(rb"[\t\n\r\x20-\x7e]*")

# Accounts and hosts of common images, and words that programs contain.
_ORDINARY = frozenset(
    "root user users admin administrator ubuntu debian fedora alpine runner builder build jenkins gitlab "
    "github docker container vscode codespace node nobody guest home test tests tester local localhost "
    "localdomain machine host server worker main model models data conv linear input output image torch "
    "python executorch".split()
)


def machine_trace_case(pte: bytes, folder: Path) -> Case:
    """The case `machine-traces`.

    Args:
        folder: in which the validation runs; its own path is searched for too.
    """
    return run_case("machine-traces", "structure", lambda: _outcome(pte, folder))


def machine_traces(pte: bytes, folders: tuple[str, ...], names: tuple[str, ...]) -> list[str]:
    """What was found, at most a few of each sort, as `sort at byte n: text`.

    Args:
        folders: absolute paths that must not occur.
        names: of users and machines; short and ordinary ones are ignored.
    """
    found = [
        *_found("a path", pte, _PATH.finditer(pte)),
        *_found("a path", pte, _WINDOWS_PATH.finditer(pte)),
        *_found("a date", pte, _DATE.finditer(pte)),
    ]
    for part in _PARTS_OF_PATHS:
        found += _found("a path", pte, _places(pte, part))
    for folder in folders:
        if len(folder) >= 4:
            found += _found("a folder of this machine", pte, _places(pte, folder), _in_text)
    for name in dict.fromkeys(names):
        if len(name) > 3 and name.lower() not in _ORDINARY:
            found += _found("a user's or machine's name", pte, _places(pte, name), _is_word_in_text)
    return found


def _outcome(pte: bytes, folder: Path) -> Outcome:
    names = (_user(), socket.gethostname(), socket.gethostname().split(".")[0])
    found = machine_traces(pte, (str(folder.resolve()),), names)
    problem = (
        f"the bytes reveal the machine that made them: {'; '.join(found)}. Make the lowering leave "
        "it out, or remove it as pte_foundry.backends.coreml.canonical does"
    )
    message = "no path, user, machine or date in the bytes"
    return Outcome(message, (problem,) if found else (), {"found": found})


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""  # A container may run as a user without a name.


def _places(pte: bytes, text: str) -> Iterator[re.Match[bytes]]:
    return re.finditer(re.escape(text.encode()), pte)


def _found(
    sort: str,
    pte: bytes,
    matches: Iterator[re.Match[bytes]],
    counts: Callable[[bytes, re.Match[bytes]], bool] = lambda pte, match: True,
) -> list[str]:
    lines: list[str] = []
    for match in matches:
        if counts(pte, match):
            begin = match.start()
            text = _PRINTABLE.match(pte, begin, begin + _SHOWN)
            shown = "" if text is None else " ".join(text[0].decode("ascii").split())
            lines.append(f"{sort} at byte {begin}: {shown}")
            if len(lines) == _MOST:
                break
    return lines


def _in_text(pte: bytes, match: re.Match[bytes]) -> bool:
    begin = match.start()
    while begin > 0 and match.end() - begin < _TEXT and 0x20 <= pte[begin - 1] <= 0x7E:
        begin -= 1
    text = _PRINTABLE.match(pte, begin, match.end() + _TEXT)
    return text is not None and len(text[0]) >= _TEXT


def _is_word_in_text(pte: bytes, match: re.Match[bytes]) -> bool:
    around = pte[match.start() - 1 : match.start()] + pte[match.end() : match.end() + 1]
    return not any(chr(byte).isalnum() or byte == 0x5F for byte in around) and _in_text(pte, match)

"""The answers of one program, kept in a file as they come, so that an evaluation that was stopped goes on.

A line for each picture, by the picture's hash. The first line says whose answers they are: what has another first line
is another program's, and is never read. A line that a killed process left half-written is dropped.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pte_foundry.errors import PteError


class KeptAnswers:
    """Answers by the SHA-256 of their picture."""

    def __init__(self, file: IO[bytes], answers: dict[str, Any]) -> None:
        self._file = file
        self._answers = answers

    @property
    def answers(self) -> Mapping[str, Any]:
        return self._answers

    def add(self, picture: str, answer: Any) -> None:
        """Keep one; from now on, it survives this process."""
        self._file.write(_line([picture, answer]))
        self._file.flush()
        self._answers[picture] = answer


@contextmanager
def kept_answers(path: Path, whose: Mapping[str, object]) -> Iterator[KeptAnswers]:
    """Open the file, or make it.

    Args:
        whose: everything that an answer depends on besides the picture: hash of the program, kind of answer.

    Raises:
        PteError: `busy` if another process has it open.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PteError(
                "busy", f"{path}: another evaluation writes to it. Wait until that one has ended"
            ) from None
        file.seek(0)
        first, answers, good = _line(whose), {}, 0
        if file.readline() == first:
            good = file.tell()
            for line in iter(file.readline, b""):
                one = _read(line)
                if one is None:
                    break
                answers[one[0]] = one[1]
                good = file.tell()
        file.truncate(good)
        file.seek(good)
        if not good:
            file.write(first)
            file.flush()
        yield KeptAnswers(file, answers)


def _line(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _read(line: bytes) -> tuple[str, Any] | None:
    try:
        picture, answer = json.loads(line)
    except ValueError:
        return None
    return (picture, answer) if line.endswith(b"\n") and isinstance(picture, str) else None

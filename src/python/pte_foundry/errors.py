"""The one error type that a person, not a programmer, is meant to read."""

from __future__ import annotations


class PteError(Exception):
    """An expected failure: bad input, a broken promise, an unreadable file.

    Command-line tools print it as `pte-foundry: <kind>: <message>` without a traceback and exit
    with 1.

    Attributes:
        kind: short lower-case slug that scripts may match, e.g. `bad-input-shape`.
        message: what is wrong, where, and what to do next.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(kind, message)
        self.kind = kind
        self.message = message

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


def reason_of(error: BaseException) -> str:
    """The first line of an error's text, or its type's name, for use in a message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]

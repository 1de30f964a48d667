"""What the preparation says: notes on standard error, since standard output belongs to Pants, and errors."""

from __future__ import annotations

import sys


class PreparationError(Exception):
    """Something that the user has to fix. The text says what failed, where, and what to do next.

    `prepare.py` prints it without a traceback and exits with 1.
    """


class NoSpaceError(PreparationError):
    """The disk is full: another package source would not help."""


def note(text: str) -> None:
    """Prints one line to standard error."""
    sys.stderr.write(f"pants: {text}\n")  # At once: other threads write too.
    sys.stderr.flush()

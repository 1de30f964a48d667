"""The one exception of the launcher's preparation."""

from __future__ import annotations


class PreparationError(Exception):
    """Something that the user has to fix. The text says what failed, where, and what to do next.

    `prepare.py` prints it without a traceback and exits with 1.
    """


class NoSpaceError(PreparationError):
    """The disk is full: trying another package source cannot help."""

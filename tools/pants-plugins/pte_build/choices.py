"""Who chooses the weights and the SDKs of a build."""

from __future__ import annotations

from enum import Enum


class Choices(Enum):
    """`COMMITTED_INDEX`: seeded weights and no SDK, whatever the options say: the same on every machine.

    It is not part of any process: what both choices have in common is built once.
    """

    SESSION = "the session's options"
    COMMITTED_INDEX = "the committed index"

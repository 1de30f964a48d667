"""Who chooses the weights and the SDKs that something is built with."""

from __future__ import annotations

from enum import Enum


class Choices(Enum):
    """`COMMITTED_INDEX`: seeded weights and no SDK, whatever the options say, so that every machine gets the same.

    It is no part of any process: what both choose alike is built once.
    """

    SESSION = "the session's options"
    COMMITTED_INDEX = "the committed index"

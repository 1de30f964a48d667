from __future__ import annotations


class PinError(Exception):
    """Nothing was written; the message says what is wrong, where, and what to do next."""

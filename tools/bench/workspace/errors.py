from __future__ import annotations


class BenchError(Exception):
    """A number cannot be had; the message says what went wrong, where, and what to do next."""

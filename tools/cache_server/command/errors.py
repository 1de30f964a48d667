from __future__ import annotations


class CacheServerError(Exception):
    """The server cannot run; the message says what went wrong, where, and what to do next."""

from __future__ import annotations


class ToolError(Exception):
    """A tool cannot do its work; the message says what went wrong, where, and what to do next."""

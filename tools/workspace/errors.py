from __future__ import annotations


class ToolError(Exception):
    """A command cannot do its work; the message says what went wrong, where, and what to do next."""

"""Progress notes of the preparation, on standard error: standard output belongs to Pants."""

from __future__ import annotations

import sys


def note(text: str) -> None:
    """Prints one line to standard error."""
    print(f"pants: {text}", file=sys.stderr, flush=True)

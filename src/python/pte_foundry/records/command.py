"""Run a command-line tool so that expected failures are one message and no traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable

from pte_foundry.errors import PteError


def run_command(action: Callable[[], int]) -> int:
    """Call `action` and return its exit code; 1 after a PteError, whose text goes to stderr.

    Any other exception is a bug of ours and keeps its traceback.
    """
    try:
        return action()
    except PteError as error:
        print(f"pte-foundry: {error}", file=sys.stderr)
        return 1

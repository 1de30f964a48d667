"""Open files that the process which started this one has left open."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

_FOLDER = "/proc/self/fd" if sys.platform == "linux" else "/dev/fd"


def close_descriptors() -> None:
    """Close all but stdin, stdout and stderr: an open file is usable whatever its path is."""
    for name in os.listdir(_FOLDER):
        if int(name) > 2:
            with suppress(OSError):  # The one that listed them.
                os.close(int(name))

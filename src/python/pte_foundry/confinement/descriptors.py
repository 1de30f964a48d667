"""Open files that the process which started this one has left open."""

from __future__ import annotations

import os
from contextlib import suppress


def close_descriptors() -> None:
    """Close all but stdin, stdout and stderr: an open file is usable whatever its path is."""
    for name in os.listdir("/dev/fd"):
        if int(name) > 2:
            with suppress(OSError):  # The one that listed them.
                os.close(int(name))

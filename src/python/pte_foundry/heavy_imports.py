"""Import torch and ExecuTorch faster (standard library only)."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def heavy_imports() -> Iterator[None]:
    """Look for no garbage while the block imports, nor among what it has imported afterwards.

    Modules live as long as the process, and looking at a million of their objects again and again takes a sixth of
    the time that torch and ExecuTorch need.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()

"""Import torch and ExecuTorch faster (standard library only)."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from pte_foundry.speedups import edge_yaml, late_inductor


@contextmanager
def heavy_imports(stock: bool = False) -> Iterator[None]:
    """Look for no garbage while the block imports, nor among what it has imported afterwards.

    Modules live as long as the process, and looking at a million of their objects again and again takes a sixth of
    the time that torch and ExecuTorch need.

    Args:
        stock: whether what is imported imports what it always does, see `pte_foundry.speedups`.
    """
    gc.disable()
    try:
        with ExitStack() as stack:
            if not stock:
                stack.enter_context(edge_yaml.applied())
                stack.enter_context(late_inductor.applied())
            yield
    finally:
        gc.freeze()
        gc.enable()

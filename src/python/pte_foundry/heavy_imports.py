"""Import torch and ExecuTorch faster (standard library only)."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from pte_foundry.speedups import edge_yaml, late_inductor


@contextmanager
def heavy_imports(stock: bool = False) -> Iterator[None]:
    """Pause garbage collection while the block imports, and never examine afterwards what it imported.

    Modules live as long as the process, and examining a million of their objects again and again takes a sixth of
    the time that importing torch and ExecuTorch needs.

    Args:
        stock: import everything unchanged, without `pte_foundry.speedups`.
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

"""No search for garbage while a program is lowered.

Graphs and their fake tensors are millions of objects that live on, and the collector looks at them again and again
to find next to nothing: what is large, tensors of weights, mostly dies with its last reference.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from pte_foundry.speedups.upstream import Upstream

UPSTREAM: tuple[Upstream, ...] = ()


@contextmanager
def applied() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()

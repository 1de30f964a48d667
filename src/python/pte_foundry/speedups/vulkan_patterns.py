"""Vulkan's patterns of rotary embeddings, exported once.

The partitioner exports little models to know their graphs, and so does the pass that fuses what it has found. The
graphs are only read.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from pte_foundry.speedups.upstream import Upstream, replaced

_PATTERNS = "executorch.backends.vulkan.patterns"

UPSTREAM = (
    Upstream(_PATTERNS, "all_fusable_graph_patterns", "53dfdc9abff2f1ef"),
    Upstream(_PATTERNS, "replace_all_fusable_subgraphs", "d989df75ddd2a182"),
    Upstream(_PATTERNS, "create_replacement_for_pattern", "ef2c04c628afce5c"),
    Upstream(f"{_PATTERNS}.rope", "get_rope_graphs", "b8b04baa9092a1e2"),
    Upstream(f"{_PATTERNS}.rope_hf", "get_hf_rope_graphs", "8b420f48bfe8cdef"),
)


@contextmanager
def applied() -> Iterator[None]:
    # Other backends do not import it.
    from executorch.backends.vulkan.patterns import (  # type: ignore[import-untyped]
        fusable_patterns,
    )

    with ExitStack() as stack:
        for entry in fusable_patterns.values():
            if entry.get_graphs_fn is not None:
                once = functools.cache(entry.get_graphs_fn)
                stack.enter_context(replaced(entry, "get_graphs_fn", once))
        yield

"""All speed-ups, during one export."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import ModuleType

from pte_foundry.speedups import (
    batch_norm_patterns,
    composite_operators,
    known_values,
    late_code,
    rare_collection,
    shared_provenance,
    verified_dtypes,
    vulkan_patterns,
    xnnpack_patterns,
)
from pte_foundry.speedups.upstream import say_left_out

SPEEDUPS: tuple[ModuleType, ...] = (
    shared_provenance,
    composite_operators,
    verified_dtypes,
    vulkan_patterns,
    xnnpack_patterns,
    batch_norm_patterns,
    known_values,
    late_code,
    rare_collection,
)
"""Each has `UPSTREAM`, what it replaces or relies on, and `applied()`, for how long."""


@contextmanager
def speedups(which: Sequence[ModuleType] = SPEEDUPS) -> Iterator[tuple[str, ...]]:
    """Apply those that fit the installed torch and ExecuTorch; say on stderr which do not.

    Enter it after the backend is imported: functions of modules that are not imported are not replaced.

    Yields:
        The names of those that are applied.
    """
    names = []
    with ExitStack() as stack:
        for speedup in which:
            name = speedup.__name__.rpartition(".")[2]
            if not all(upstream.is_imported for upstream in speedup.UPSTREAM):
                continue
            changed = [one for one in speedup.UPSTREAM if one.found_digest() != one.digest]
            if changed:
                say_left_out(name, changed[0])
                continue
            stack.enter_context(speedup.applied())
            names.append(name)
        yield tuple(names)

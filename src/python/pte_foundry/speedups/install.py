"""All speed-ups, for the length of one export."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Protocol

from pte_foundry.speedups import (
    composite_operators,
    known_values,
    late_code,
    rare_collection,
    shared_provenance,
    verified_dtypes,
    vulkan_patterns,
    xnnpack_patterns,
)
from pte_foundry.speedups.upstream import Upstream, say_left_out


class Speedup(Protocol):
    """A module of this package: what it replaces, and how."""

    __name__: str
    UPSTREAM: tuple[Upstream, ...]

    def applied(self) -> AbstractContextManager[None]: ...


SPEEDUPS: tuple[Speedup, ...] = (
    shared_provenance,
    composite_operators,
    verified_dtypes,
    vulkan_patterns,
    xnnpack_patterns,
    known_values,
    late_code,
    rare_collection,
)


@contextmanager
def speedups(which: Sequence[Speedup] = SPEEDUPS) -> Iterator[tuple[str, ...]]:
    """Apply those that fit the installed torch and ExecuTorch; say on stderr which do not.

    To be entered when the backend is imported: what replaces functions of modules that are not imported has no work.

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

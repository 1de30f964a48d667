"""Where a node came from, shared instead of copied.

Every retrace of a graph puts a `NodeSource` before the chain of those that a node has already, and deep-copies that
chain. It grows with each of dozens of retraces. Nothing changes a `NodeSource` that has been made, so that the list
alone has to be a new one.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from torch.fx import traceback

from pte_foundry.speedups.upstream import Upstream, replaced

UPSTREAM = (Upstream("torch.fx.traceback", "NodeSource.__init__", "99395e7f40a4a049"),)


def _deepcopy(value: Any, memo: dict[int, Any] | None = None) -> Any:
    if isinstance(value, list) and all(isinstance(one, traceback.NodeSource) for one in value):
        return list(value)
    return copy.deepcopy(value, memo)


@contextmanager
def applied() -> Iterator[None]:
    # Only what that module calls `copy`.
    with replaced(traceback, "copy", SimpleNamespace(copy=copy.copy, deepcopy=_deepcopy)):
        yield

"""What a backend's compiler claims and then fails at is left to the runtime's kernels."""

from __future__ import annotations

from collections.abc import Callable

from executorch.exir.dialects.edge._ops import EdgeOpOverload  # type: ignore[import-untyped]

from pte_foundry.backends.lowering import Lowered, LoweringRequest
from pte_foundry.causes import call_at_fault
from pte_foundry.errors import PteError

_NOT_OF_THE_MODEL = (PteError, MemoryError, OSError)
"""Errors that a second attempt may not have, or that say what to do already."""


def lower_without_refused(
    request: LoweringRequest, lower: Callable[[LoweringRequest, frozenset[EdgeOpOverload]], Lowered]
) -> Lowered:
    """Lower without the operators that the backend's compiler fails at, one more in each attempt.

    A program's report says which operators are not delegated, and its floors keep it so.

    Args:
        lower: given the request, and operators that its partitioner is not to take, such as
            `exir_ops.edge.aten.bucketize.Tensor`.

    Raises:
        Exception: of the last attempt, if no operator of the graph is at fault, or one that was left out already.
    """
    refused: set[EdgeOpOverload] = set()
    while True:
        try:
            return lower(request, frozenset(refused))
        except _NOT_OF_THE_MODEL:
            raise
        except Exception as error:
            node = call_at_fault(error)
            operator = None if node is None else node.target
            if not isinstance(operator, EdgeOpOverload) or operator in refused:
                raise
            refused.add(operator)

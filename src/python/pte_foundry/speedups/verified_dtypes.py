"""The edge dialect's verifier reads dtypes instead of computing every operator once more.

After each pass ExecuTorch checks that operators take the element types that they may take. For that it interprets
the graph on fake tensors, although every node says already what it returns, in `meta["val"]`. The check itself is
ExecuTorch's. What differs: an operator that cannot be computed at all, such as one whose shapes do not fit, is found
by the next pass and not by this check.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from executorch.exir.verification import verifier  # type: ignore[import-untyped]
from executorch.exir.verification.arg_validator import (  # type: ignore[import-untyped]
    EdgeOpArgValidator,
)

from pte_foundry.speedups.upstream import Upstream, replaced

UPSTREAM = (
    Upstream(
        "executorch.exir.verification.verifier",
        "_check_tensor_args_matching_op_allowed_dtype",
        "5223802f594bd06b",
    ),
    Upstream(
        "executorch.exir.verification.arg_validator",
        "EdgeOpArgValidator.call_function",
        "07d8d26f52d645ff",
    ),
    Upstream(
        "executorch.exir.verification.arg_validator",
        "EdgeOpArgValidator.run_node",
        "11e48367bf4a6b94",
    ),
)


class _Stated(torch.fx.Interpreter):
    """Calls of functions return what their nodes state."""

    node: torch.fx.Node

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        if "val" in self.node.meta:
            return self.node.meta["val"]
        return super().call_function(target, args, kwargs)


class _Validator(EdgeOpArgValidator, _Stated):  # type: ignore[misc]
    """Checks as its first base does, which hands the call itself on to the second."""


@contextmanager
def applied() -> Iterator[None]:
    with replaced(verifier, "EdgeOpArgValidator", _Validator):
        yield

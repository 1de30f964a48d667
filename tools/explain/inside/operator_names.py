"""Operators by name, in whichever dialect they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from executorch.exir.dialects.edge._ops import EdgeOpOverload  # type: ignore[import-untyped]
from torch._ops import OpOverload
from torch.fx import Node


def is_operator(node: Node) -> bool:
    """Whether the node computes: not an input, not a constant, not the access to one of several results."""
    return node.op == "call_function" and isinstance(node.target, (EdgeOpOverload, OpOverload))


def operator_name(target: object) -> str:
    """`aten.convolution.default`, for ATen's operator and for its counterpart in the edge dialect."""
    return str(target.__name__ if isinstance(target, EdgeOpOverload) else target)


def count_operators(nodes: Iterable[Node]) -> dict[str, int]:
    """How often each operator is called; the most frequent first, then by name."""
    counts = Counter(operator_name(node.target) for node in nodes if is_operator(node))
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

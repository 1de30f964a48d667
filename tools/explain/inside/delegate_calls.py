"""The operators and the delegate calls of a lowered graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from executorch.exir._serialize._named_data_store import (  # type: ignore[import-untyped]
    NamedDataStoreOutput,
)
from executorch.exir.delegate import executorch_call_delegate  # type: ignore[import-untyped]
from executorch.exir.dialects.edge._ops import EdgeOpOverload  # type: ignore[import-untyped]
from torch._ops import OpOverload
from torch.fx import GraphModule, Node


def is_operator(node: Node) -> bool:
    """Whether the node computes, unlike an input, a constant or the access to one of several results."""
    return node.op == "call_function" and isinstance(node.target, (EdgeOpOverload, OpOverload))


def operator_name(target: object) -> str:
    """`aten.convolution.default`, for ATen's operator and for its counterpart in the edge dialect."""
    return str(target.__name__ if isinstance(target, EdgeOpOverload) else target)


def count_operators(nodes: Iterable[Node]) -> dict[str, int]:
    """How often each operator is called; the most frequent first, then by name."""
    counts = Counter(operator_name(node.target) for node in nodes if is_operator(node))
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


@dataclass(frozen=True)
class CalledDelegate:
    """Attributes:
    call: its position among the calls, from 0.
    delegate: its id, e.g. `XnnpackBackend`.
    operators: its edge-dialect operators, with the number of calls.
    payload_bytes: size of the payload.
    named_data_bytes: size of further data in the program, such as XNNPACK's weights. Data that two calls
        share counts for both.
    """

    call: int
    delegate: str
    operators: dict[str, int]
    payload_bytes: int
    named_data_bytes: int


def delegate_calls(graph_module: GraphModule) -> list[CalledDelegate]:
    """In the order of the graph."""
    calls: list[CalledDelegate] = []
    for node in graph_module.graph.nodes:
        if node.op != "call_function" or node.target is not executorch_call_delegate:
            continue
        module = node.args[0]
        assert isinstance(module, Node)
        lowered = getattr(graph_module, str(module.target))
        calls.append(
            CalledDelegate(
                call=len(calls),
                delegate=str(lowered.backend_id),
                operators=count_operators(lowered.original_module.graph.nodes),
                payload_bytes=len(lowered.processed_bytes),
                named_data_bytes=_named_data_bytes(lowered.named_data_store_output),
            )
        )
    return calls


def _named_data_bytes(store: NamedDataStoreOutput | None) -> int:
    return 0 if store is None else sum(len(buffer) for buffer in store.buffers)

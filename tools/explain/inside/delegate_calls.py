"""The delegate calls of a lowered graph: what each computes, and what it takes in the program."""

from __future__ import annotations

from dataclasses import dataclass

from executorch.exir._serialize._named_data_store import (  # type: ignore[import-untyped]
    NamedDataStoreOutput,
)
from executorch.exir.delegate import executorch_call_delegate  # type: ignore[import-untyped]
from torch.fx import GraphModule, Node

from explain.inside.operator_names import count_operators


@dataclass(frozen=True)
class CalledDelegate:
    """Attributes:
    call: its place among the calls, from 0.
    delegate: its id, e.g. `XnnpackBackend`.
    operators: edge-dialect operators in it, by number of calls.
    payload_bytes: what the delegate is initialised with.
    named_data_bytes: what it keeps in the program beside that, such as XNNPACK's weights. Data that two
        calls share counts for both.
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

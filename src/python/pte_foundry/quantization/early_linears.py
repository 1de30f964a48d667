"""Put dynamically quantized linears next to the activation that they share.

XNNPACK's partitioner keeps linears that share an activation together with the operators that
quantize it, since its range is determined once for all of them. It joins such a group and its
surroundings in one pass over the graph, from the end. If the group is interleaved with what uses
it, like the projections of an attention with its products, joining is deferred and never happens,
and each block of a transformer becomes a separate delegate call.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import torch
from torch.export import ExportedProgram
from torch.fx import Graph, Node

_CHOOSE = torch.ops.quantized_decomposed.choose_qparams.tensor
_PRODUCTS = frozenset({torch.ops.aten.linear.default, torch.ops.aten.conv2d.default})


def linears_first(program: ExportedProgram) -> None:
    """Reorder the graph in place; what is computed does not change.

    What belongs to a dynamically quantized linear or convolution comes as early as its inputs
    allow; everything else keeps its order.
    """
    graph = program.graph
    order = _sorted(graph, _linears_with_quantization(graph))
    (output,) = (node for node in graph.nodes if node.op == "output")
    for node in order:
        if node.op not in ("placeholder", "output"):
            output.prepend(node)
    graph.lint()
    program.graph_module.recompile()


def _linears_with_quantization(graph: Graph) -> set[Node]:
    """All nodes from a `choose_qparams` to the linears that it is for, both included."""
    found: set[Node] = set()
    for node in graph.nodes:
        if node.op != "call_function":
            continue
        inside = any(
            source in found and source.target not in _PRODUCTS for source in node.all_input_nodes
        )
        if inside or node.target == _CHOOSE:
            found.add(node)
    # Dequantizing a weight can come at any time, but must come before its linear.
    for node in list(found):
        if node.target in _PRODUCTS:
            found.update(_constant_inputs(node))
    return found


def _constant_inputs(node: Node) -> set[Node]:
    return {
        source
        for source in node.all_input_nodes
        if source.op == "call_function"
        and all(origin.op in ("placeholder", "get_attr") for origin in source.all_input_nodes)
    }


def _sorted(graph: Graph, early: set[Node]) -> Sequence[Node]:
    """The nodes in topological order; of those that are ready, `early` ones first."""
    place = {node: index for index, node in enumerate(graph.nodes)}
    missing = {node: len(node.all_input_nodes) for node in graph.nodes}
    ready = [(node not in early, place[node], node) for node in graph.nodes if not missing[node]]
    heapq.heapify(ready)
    order: list[Node] = []
    while ready:
        node = heapq.heappop(ready)[2]
        order.append(node)
        for user in node.users:
            missing[user] -= 1
            if not missing[user]:
                heapq.heappush(ready, (user not in early, place[user], user))
    return order

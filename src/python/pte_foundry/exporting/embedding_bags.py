"""Embedding bags, of which the ExecuTorch runtime has no kernel: rows of a table, and their sum, mean or maximum."""

from __future__ import annotations

from collections.abc import Callable
from operator import getitem
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.fx import Graph, GraphModule, Node
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn import functional

_ATEN = torch.ops.aten
_BAGS = (
    _ATEN.embedding_bag.default,
    _ATEN.embedding_bag.padding_idx,
    _ATEN._embedding_bag.default,
    _ATEN._embedding_bag_forward_only.default,
)
_NAMES = (
    "weight",
    "indices",
    "offsets",
    "scale_grad_by_freq",
    "mode",
    "sparse",
    "per_sample_weights",
    "include_last_offset",
    "padding_idx",
)
_SUM, _MEAN, _MAX = range(3)


def spell_out_embedding_bags(program: ExportedProgram) -> None:
    """Replace each by operators that have kernels, with the same results up to the order of sums. Changes the graph."""
    graph = program.graph
    bags = [node for node in graph.nodes if node.target in _BAGS and _only_its_result(node)]
    for node in bags:
        arguments = {
            "mode": _SUM,
            "padding_idx": None,
            **dict(zip(_NAMES, node.args)),
            **node.kwargs,
        }
        operands = [
            one
            for name in ("weight", "indices", "offsets", "per_sample_weights")
            if isinstance(one := arguments.get(name), Node)
        ]
        size = _size_of_all(arguments)
        traced = _traced(_bags(arguments, size), operands)
        with graph.inserting_before(node):
            result = _inlined(graph, traced, operands)
        for user in [*node.users]:
            user.replace_all_uses_with(result)  # Others than the first have no uses.
            graph.erase_node(user)
        graph.erase_node(node)
    if bags:
        # An offset that nothing else uses.
        graph.eliminate_dead_code()
        program.graph_module.recompile()


def _only_its_result(node: Node) -> bool:
    """Whether nothing uses what is for a gradient: bags, their sizes, and where a maximum was."""
    return all(
        user.target is getitem and (user.args[1] == 0 or not user.users) for user in node.users
    )


def _size_of_all(arguments: dict[str, Any]) -> int | None:
    """The size of the bags, if they are the rows of a matrix of indices; None if offsets say where each begins."""
    indices, offsets = arguments["indices"], arguments["offsets"]
    if arguments.get("include_last_offset") or offsets.target is not _ATEN.arange.start_step:
        return None
    start, end, step = offsets.args
    count = indices.meta["val"].shape[0]
    # A dynamic size is no int.
    known = isinstance(step, int) and isinstance(end, int) and isinstance(count, int)
    whole = known and start == 0 and end == count and count % step == 0
    return step if whole else None


def _bags(arguments: dict[str, Any], size: int | None) -> Callable[..., Tensor]:
    mode, padding = arguments["mode"], arguments["padding_idx"]
    last = bool(arguments.get("include_last_offset"))
    padded = padding is not None and padding >= 0

    def compute(*operands: Tensor) -> Tensor:
        weight, indices, offsets, *scales = operands
        rows = functional.embedding(indices, weight)
        for scale in scales:
            rows = rows * scale.unsqueeze(1)
        if size is not None and not padded:
            rows = rows.reshape(-1, size, weight.shape[1])
            if mode == _MAX:
                return rows.amax(1)
            return rows.mean(1) if mode == _MEAN else rows.sum(1)
        inside = _inside(indices, offsets, last)
        if padded:
            inside = inside & (indices != padding)
        if mode == _MAX:
            masked = torch.where(inside.unsqueeze(2), rows, torch.finfo(rows.dtype).min)
            # An empty bag is zero.
            return masked.amax(1) * inside.any(1, keepdim=True).to(rows.dtype)
        sums = inside.to(rows.dtype) @ rows
        if mode == _SUM:
            return sums
        return sums / inside.sum(1, keepdim=True).clamp(min=1).to(rows.dtype)

    return compute


def _inside(indices: Tensor, offsets: Tensor, last: bool) -> Tensor:
    """bool [bags, indices]: which index is in which bag."""
    places = torch.arange(indices.shape[0], device=indices.device)
    begun = places >= offsets.unsqueeze(1)
    if last:
        return begun[:-1] & ~begun[1:]
    return begun & ~torch.cat([begun[1:], torch.zeros_like(begun[:1])])


def _traced(function: Callable[..., Tensor], operands: list[Node]) -> GraphModule:
    values = [node.meta["val"] for node in operands]
    with values[0].fake_mode, torch.no_grad():
        return make_fx(function)(*values)


def _inlined(graph: Graph, traced: GraphModule, operands: list[Node]) -> Node:
    places = [node for node in traced.graph.nodes if node.op == "placeholder"]
    result = graph.graph_copy(traced.graph, dict(zip(places, operands)))
    assert isinstance(result, Node)
    return result

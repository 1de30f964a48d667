"""What a graph computes from no input at all, made a constant of the program.

Decompositions make positions with `arange` and compute with them, such as those of `torch.roll` and of bicubic
interpolation. The result is the same in each run. Vulkan's compiler fails at a delegate without inputs, and other
delegates leave the integers to the runtime's kernels, one by one.
"""

from __future__ import annotations

from typing import Any

import torch
from executorch.exir.dialects.edge._ops import EdgeOpOverload  # type: ignore[import-untyped]
from executorch.exir.pass_base import (  # type: ignore[import-untyped]
    ExportedProgramPassBase,
    ExportedProgramPassResult,
)
from torch import Tensor
from torch._ops import OpOverload
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind
from torch.fx import Node
from torch.fx.node import map_arg

_POSITIONS = "aten::arange"
_LARGEST = 1 << 20
"""Bytes of a constant. Larger ones, such as masks of long sequences, are computed in each run."""


class ComputedConstants(ExportedProgramPassBase):  # type: ignore[misc]
    """For an edge-dialect program before it is partitioned. One that has no positions is left as it is."""

    def call(self, exported_program: ExportedProgram) -> ExportedProgramPassResult:
        graph = exported_program.graph
        values = _computed(graph.nodes)
        ends = [
            node
            for node, value in values.items()
            if isinstance(value, Tensor)
            and _of_positions(node)
            and not all(user in values for user in node.users)
        ]
        first = next((node for node in graph.nodes if node.op == "placeholder"), None)
        if first is None or not ends:
            return ExportedProgramPassResult(exported_program, False)
        # Late: programs without positions need none of it.
        from executorch.backends.transforms.utils import (  # type: ignore[import-untyped]
            create_constant_placeholder,
        )

        for number, node in enumerate(ends):
            with graph.inserting_before(first):
                constant = create_constant_placeholder(
                    exported_program,
                    graph,
                    f"computed_{number}",
                    InputKind.CONSTANT_TENSOR,
                    values[node].contiguous(),
                )
            node.replace_all_uses_with(constant)
        graph.eliminate_dead_code()
        return ExportedProgramPassResult(exported_program, True)


def _computed(nodes: Any) -> dict[Node, Any]:
    """The values of all calls that depend on nothing else, up to the largest size."""
    values: dict[Node, Any] = {}
    for node in nodes:
        if (
            node.op != "call_function"
            or not isinstance(node.target, (EdgeOpOverload, OpOverload))
            or node.is_impure()
            or not values.keys() >= set(node.all_input_nodes)
            or _bytes(node.meta.get("val")) > _LARGEST
        ):
            continue
        arguments, named = map_arg((node.args, node.kwargs), values.__getitem__)
        with torch.no_grad():
            values[node] = node.target(*arguments, **named)
    return values


def _bytes(value: object) -> float:
    """Of what a call returns; infinite if that is not known, or no tensor."""
    if not isinstance(value, Tensor) or not all(isinstance(size, int) for size in value.shape):
        return float("inf")
    return value.numel() * value.element_size()


def _of_positions(node: Node) -> bool:
    """Whether it is computed from positions, and not just filled with a number."""
    waiting, seen = [node], {node}
    while waiting:
        one = waiting.pop()
        schema = getattr(one.target, "_schema", None)
        if schema is not None and schema.name == _POSITIONS:
            return True
        new = set(one.all_input_nodes) - seen
        seen |= new
        waiting.extend(new)
    return False

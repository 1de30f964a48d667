"""What a graph computes from no input at all, made a constant of the program.

Positions made with `arange`, such as those of `torch.roll` and of bicubic interpolation, and masks that are filled
window by window, are the same in each run. Vulkan's compiler fails at a delegate without inputs, and other delegates
leave such work to the runtime's kernels, operator by operator.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
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

from pte_foundry.backends.kernels import schema_name

_POSITIONS = "aten::arange"
_NUMBER = re.compile(r"(c_)?_?lifted_tensor")
"""The names of what torch and ExecuTorch make of a number in the model's code: a constant, or a buffer."""
_LARGEST = 1 << 20
"""Bytes of a constant. Larger ones, such as masks of long sequences, are computed in each run."""


class ComputedConstants(ExportedProgramPassBase):  # type: ignore[misc]
    """For an edge-dialect program before it is partitioned. Tensors that are only filled stay as they are."""

    def call(self, exported_program: ExportedProgram) -> ExportedProgramPassResult:
        graph = exported_program.graph
        values = _computed(exported_program)
        made = _made(values)
        # One constant for each use: not every partitioner can give two delegates the same. Outputs are no constants.
        uses = [
            (node, user)
            for node, value in values.items()
            if isinstance(value, Tensor) and node in made and not _is_filled(node)
            for user in node.users
            if user not in values and user.op != "output"
        ]
        first = next((node for node in graph.nodes if node.op == "placeholder"), None)
        if first is None or not uses:
            return ExportedProgramPassResult(exported_program, False)
        # Late: most programs need none of it.
        from executorch.backends.transforms.utils import (  # type: ignore[import-untyped]
            create_constant_placeholder,
        )

        for number, (node, user) in enumerate(uses):
            with graph.inserting_before(first):
                constant = create_constant_placeholder(
                    exported_program,
                    graph,
                    f"computed_{number}",
                    InputKind.CONSTANT_TENSOR,
                    values[node].contiguous(),
                )
            user.replace_input_with(node, constant)
        graph.eliminate_dead_code()
        return ExportedProgramPassResult(exported_program, True)


def _computed(program: ExportedProgram) -> dict[Node, Any]:
    """The values of all calls that depend on numbers alone, up to the largest size, and these numbers."""
    signature = program.graph_signature
    numbers = {**signature.inputs_to_lifted_tensor_constants, **signature.inputs_to_buffers}
    tensors = {**program.constants, **program.state_dict}
    values: dict[Node, Any] = {}
    for node in program.graph.nodes:
        if node.op == "placeholder" and _NUMBER.match(node.name) and node.name in numbers:
            value = tensors.get(numbers[node.name])
            if isinstance(value, Tensor) and value.numel() == 1:
                values[node] = value
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


def _made(values: Iterable[Node]) -> set[Node]:
    """Those of the nodes that begin with a tensor that the graph makes, not with the numbers of its code alone.

    values: in the graph's order.
    """
    made: set[Node] = set()
    for node in values:
        begins = node.op == "call_function" and not node.all_input_nodes
        if begins or not made.isdisjoint(node.all_input_nodes):
            made.add(node)
    return made


def _bytes(value: object) -> float:
    """Of what a call returns; infinite if that is not known, or no tensor."""
    if not isinstance(value, Tensor) or not all(isinstance(size, int) for size in value.shape):
        return float("inf")
    return value.numel() * value.element_size()


def _is_filled(node: Node) -> bool:
    """Whether a call only fills a tensor with one number, which takes less space than the tensor."""
    return not node.all_input_nodes and schema_name(node) != _POSITIONS

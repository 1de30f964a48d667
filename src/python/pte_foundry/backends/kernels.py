"""Which operators the runtime can execute outside of delegates: those that it has a kernel of.

Core ATen, which ExecuTorch's verifier asks for, has operators without a kernel, and others have one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache

from executorch.exir.dialects.edge._ops import EdgeOpOverload  # type: ignore[import-untyped]
from executorch.exir.schema import KernelCall, Program  # type: ignore[import-untyped]
from torch._ops import OpOverload
from torch.export import ExportedProgram
from torch.fx import GraphModule, Node

from pte_foundry.causes import place_of


@cache
def runtime_kernels() -> frozenset[str]:
    """Names such as `aten::add.out`, of the runtime in this toolchain."""
    # Late: a program that a delegate takes whole needs no kernel, and the runtime takes a moment to load.
    from executorch.extension.pybindings import portable_lib  # type: ignore[import-untyped]

    return frozenset(portable_lib._get_operator_names())


def without_kernel(program: Program) -> tuple[str, ...]:
    """The operators that a program calls and the runtime has no kernel of, sorted."""
    called = {
        name
        for plan in program.execution_plan
        for chain in plan.chains
        for instruction in chain.instructions
        if isinstance(call := instruction.instr_args, KernelCall)
        for operator in [plan.operators[call.op_index]]
        for name in [f"{operator.name}.{operator.overload}" if operator.overload else operator.name]
    }
    return tuple(sorted(called - runtime_kernels())) if called else ()


def beyond_kernels(calls: Collection[Node]) -> dict[str, list[Node]]:
    """Calls that the kernel of their operator does not compute, by what they are.

    It refuses convolutions of more than two dimensions. Places that are not zero it writes in rows, where torch, and so
    the program, has columns.
    """
    found: dict[str, list[Node]] = {}
    for node in calls:
        name = schema_name(node)
        if name == "aten::convolution" and node.args[1].meta["val"].dim() > 4:  # type: ignore[union-attr]
            found.setdefault("aten::convolution.out in three dimensions", []).append(node)
        elif name == "aten::nonzero":
            found.setdefault("aten::nonzero.out", []).append(node)
    return found


def calls_of(program: ExportedProgram) -> list[Node]:
    """The calls of operators that no delegate has taken, also those in branches."""
    return [
        node
        for module in program.graph_module.modules()
        if isinstance(module, GraphModule)
        for node in module.graph.nodes
        if node.op == "call_function" and isinstance(node.target, (EdgeOpOverload, OpOverload))
    ]


def places_of(names: Collection[str], calls: Collection[Node]) -> list[tuple[str, str]]:
    """Each operator with the place of its first call; names with or without an overload."""
    found = []
    for name in names:
        same = [node for node in calls if schema_name(node) == name.partition(".")[0]]
        found.append((name, place_of(same[0]) if same else "where it is called is not known"))
    return found


def operators_of(program: ExportedProgram) -> Iterator[OpOverload]:
    """The operators that an ATen graph calls, one for each call."""
    for node in calls_of(program):
        if isinstance(node.target, OpOverload):
            yield node.target


def schema_name(node: Node) -> str:
    """Of the operator that a node calls, without its overload, e.g. `aten::add`."""
    return str(node.target._schema.name)  # type: ignore[union-attr]

"""Record how a backend module lowers an exported program to its delegates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from executorch.exir import (  # type: ignore[import-untyped]
    EdgeProgramManager,
    ExecutorchProgramManager,
)
from executorch.exir.backend.partitioner import (  # type: ignore[import-untyped]
    Partitioner,
    PartitionResult,
)
from torch.export import ExportedProgram
from torch.fx import GraphModule, Node

from explain.inside.delegate_calls import count_operators, is_operator, operator_name
from explain.inside.refusals import Refusals, listen
from pte_foundry.backends import lowering

LOWER = "to_edge_transform_and_lower"
"""The function of ExecuTorch that `pte_foundry.backends.lowering` lowers with."""


@dataclass(frozen=True)
class UndelegatedOperator:
    """An operator that no delegate takes.

    Attributes:
        node: its name in the edge-dialect graph.
        operator: e.g. `aten.convolution.default`.
        module: the module that calls it, e.g. `features.1.block.0`; empty if unknown.
        reason: the partitioner's, or that it gave none.
    """

    node: str
    operator: str
    module: str
    reason: str


@dataclass
class LoweringRecord:
    """Attributes:
    operators: of the graph that the first partitioner sees, with the number of calls.
    left_over: what the last partitioner does not take.
    edge: with the delegates in it.
    program: the ExecuTorch program made from `edge`.
    """

    operators: dict[str, int] = field(default_factory=dict)
    left_over: list[UndelegatedOperator] = field(default_factory=list)
    edge: EdgeProgramManager | None = None
    program: ExecutorchProgramManager | None = None


@contextmanager
def record_lowering(etrecord: bool) -> Iterator[LoweringRecord]:
    """Record what `pte_foundry.backends.lowering.lower_with` does in this block, with the same program.

    There is no other hook: backend modules make their partitioners themselves.

    etrecord: also let ExecuTorch make an ETRecord.
    """
    record = LoweringRecord()
    # That module imports it, without exporting the name.
    names = vars(lowering)
    original: Callable[..., EdgeProgramManager] = names[LOWER]

    with listen() as refusals:

        def to_edge_transform_and_lower(
            programs: ExportedProgram, *, partitioner: Sequence[Partitioner], **options: Any
        ) -> EdgeProgramManager:
            for each in partitioner:
                _watch_partitioner(each, refusals, record)
            edge = original(
                programs, partitioner=list(partitioner), generate_etrecord=etrecord, **options
            )
            if not partitioner:
                graph = _graph_module(edge).graph
                record.operators = count_operators(graph.nodes)
                record.left_over = [
                    _left_over(node, "the backend has no delegate")
                    for node in graph.nodes
                    if is_operator(node)
                ]
            record.edge = edge
            _watch_executorch(edge, record)
            return edge

        names[LOWER] = to_edge_transform_and_lower
        try:
            yield record
        finally:
            names[LOWER] = original


def _graph_module(edge: EdgeProgramManager) -> GraphModule:
    module: GraphModule = edge.exported_program().graph_module
    return module


def _watch_partitioner(
    partitioner: Partitioner, refusals: Refusals, record: LoweringRecord
) -> None:
    original: Callable[[ExportedProgram], PartitionResult] = partitioner.partition

    def partition(program: ExportedProgram) -> PartitionResult:
        # Earlier questions were about other graphs, and which operators not to decompose.
        refusals.clear()
        if not record.operators:
            record.operators = count_operators(program.graph.nodes)
        result = original(program)
        record.left_over = [
            _left_over(node, refusals.reason(node, partitioner))
            for node in result.tagged_exported_program.graph.nodes
            if is_operator(node) and "delegation_tag" not in node.meta
        ]
        return result

    partitioner.partition = partition


def _watch_executorch(edge: EdgeProgramManager, record: LoweringRecord) -> None:
    original: Callable[..., ExecutorchProgramManager] = edge.to_executorch

    def to_executorch(*arguments: Any, **options: Any) -> ExecutorchProgramManager:
        record.program = original(*arguments, **options)
        return record.program

    edge.to_executorch = to_executorch


def _left_over(node: Node, reason: str) -> UndelegatedOperator:
    return UndelegatedOperator(node.name, operator_name(node.target), module_path(node), reason)


def module_path(node: Node) -> str:
    """The module of the model that calls it, according to torch.export; empty if unknown."""
    stack = node.meta.get("nn_module_stack") or {}
    names = [path for path, _ in stack.values()]
    return str(names[-1]) if names else ""

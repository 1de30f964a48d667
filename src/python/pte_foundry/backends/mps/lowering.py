"""MPS: Apple's GPUs through Metal Performance Shaders Graph.

1.4 is the last ExecuTorch that has this backend: its toolchain is `toolchains/executorch_1_4`. New apps for Apple's
devices should prefer CoreML.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from executorch.backends.apple.mps.partition.mps_partitioner import (  # type: ignore[import-untyped]
    MPSOperatorSupport,
    MPSPartitioner,
)
from executorch.exir import EdgeCompileConfig  # type: ignore[import-untyped]
from executorch.exir.backend.canonical_partitioners.pattern_op_partitioner import (  # type: ignore[import-untyped]
    generate_partitions_from_list_of_nodes,
)
from executorch.exir.backend.compile_spec_schema import (  # type: ignore[import-untyped]
    CompileSpec,
)
from executorch.exir.dialects._ops import ops as exir_ops  # type: ignore[import-untyped]
from executorch.exir.dialects.edge._ops import EdgeOpOverload  # type: ignore[import-untyped]
from torch.export import ExportedProgram
from torch.fx import Node

from pte_foundry.backends.left_to_kernels import lower_without_refused
from pte_foundry.backends.lowering import Lowered, LoweringRequest, check_supported, lower_with
from pte_foundry.backends.option_values import choose

PRECISIONS: tuple[str, ...] = ("fp16",)
OPTIONS: Mapping[str, str] = {
    "use_fp16": "`true`: store and compute in float16, which the precision fp16 means; inputs and "
    "outputs of the program stay float32",
}

_FILLS = (exir_ops.edge.aten.full.default, exir_ops.edge.aten.full_like.default)


def check_options(options: Mapping[str, str]) -> None:
    """Raises PteError `bad-option` for a value that MPS does not have."""
    choose(__name__, options, "use_fp16", ("true",))


def lower(request: LoweringRequest) -> Lowered:
    """Lower every operator that MPS takes, at float16, to the delegate `MPSBackend`.

    Transposed convolutions, and what its compiler fails at, are left to kernels.

    Raises:
        PteError: `unsupported-precision`, `bad-option`.
    """
    check_supported(__name__, PRECISIONS, OPTIONS, request.precision, request.options)
    check_options(request.options)
    # It knows `aten.clone`, which dropout and reshapes after a transpose leave, by this name only and
    # not as the edge dialect's `_clone_dim_order`.
    config = EdgeCompileConfig(_skip_dim_order=True)

    def without(request: LoweringRequest, refused: Collection[EdgeOpOverload]) -> Lowered:
        return lower_with(request, [_Partitioner(refused)], compile_config=config)

    with _warnings_only():
        return lower_without_refused(request, without)


class _Partitioner(MPSPartitioner):  # type: ignore[misc]
    """MPS's own, which claims less."""

    def __init__(self, refused: Collection[EdgeOpOverload]) -> None:
        # One byte, read as a bool (MPSBackend.preprocess).
        super().__init__([CompileSpec("use_fp16", b"\x01")])
        self._refused = refused

    def generate_partitions(self, edge_program: ExportedProgram) -> list[Any]:
        support = _Support(edge_program, self._refused)
        found: list[Any] = generate_partitions_from_list_of_nodes(
            edge_program.graph_module, op_support=support
        )
        return found


class _Support(MPSOperatorSupport):  # type: ignore[misc]
    def __init__(self, edge_program: ExportedProgram, refused: Collection[EdgeOpOverload]) -> None:
        super().__init__(edge_program, [])
        self._refused = refused

    def is_node_supported(self, submodules: Any, node: Node) -> bool:
        if node.target in self._refused or _is_transposed_convolution(node) or _is_unwritable(node):
            return False
        return bool(super().is_node_supported(submodules, node))


def _is_transposed_convolution(node: Node) -> bool:
    """MPS's compiler would write it down as a plain one: a wrong program."""
    return node.target == exir_ops.edge.aten.convolution.default and bool(node.args[6])


def _is_unwritable(node: Node) -> bool:
    """What fills a tensor stands in the payload by way of JSON, as a number: no infinity, and no `true`."""
    if node.target not in _FILLS:
        return False
    value = node.args[1]
    return isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value))


@contextmanager
def _warnings_only() -> Iterator[None]:
    # Importing the partitioner turns the root logger to INFO, and lowering then reports every node.
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.WARNING)
    try:
        yield
    finally:
        root.setLevel(level)

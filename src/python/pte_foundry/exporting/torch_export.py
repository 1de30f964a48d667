"""From a module to an exported program: dynamic dimensions, and operators of the model's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch._decomp import decomposition_table
from torch._ops import OpOverload
from torch.export import Dim, ExportedProgram

from pte_foundry.errors import PteError
from pte_foundry.records.model_request import ModelRequest
from pte_foundry.records.tensor_spec import dimension_ranges

_TORCHS_OWN = ("aten", "prim", "prims")


def export_module(
    module: nn.Module, example_inputs: tuple[Tensor, ...], request: ModelRequest
) -> ExportedProgram:
    """`torch.export` of a module in eval mode.

    Raises:
        PteError: `lowering-failed` for an operator that no runtime knows and nothing decomposes.
    """
    ranges = dimension_ranges(request.inputs)
    if not ranges:
        program = torch.export.export(module.eval(), example_inputs, strict=False)
    else:
        dims = {name: Dim(name, min=low, max=high) for name, (low, high) in ranges.items()}
        shapes = tuple(
            {one.axis: dims[one.name] for one in spec.dynamic} for spec in request.inputs
        )
        program = torch.export.export(
            module.eval(), example_inputs, dynamic_shapes=shapes, strict=False
        )
    return _decomposed(program, request) if request.imports else program


def _decomposed(program: ExportedProgram, request: ModelRequest) -> ExportedProgram:
    """Without the operators that `imports` registered.

    Those of CompositeImplicitAutograd are left: the lowering decomposes them.
    """
    own = {
        node.target: None
        for node in program.graph.nodes
        if isinstance(node.target, OpOverload)
        and node.target.namespace not in _TORCHS_OWN
        and not node.target._can_decompose()
    }
    table: dict[OpOverload, Callable[..., Any]] = {}
    for operator in own:
        if operator not in decomposition_table:
            raise PteError(
                "lowering-failed",
                f"model {request.name!r} calls {operator}, which the ExecuTorch runtime does not have, and "
                "nothing says what it is made of. Register a decomposition in one of its `imports`, with "
                "torch._decomp.register_decomposition, or implement it for CompositeImplicitAutograd",
            )
        table[operator] = decomposition_table[operator]
    return program.run_decompositions(table) if table else program

"""What operators that the runtime cannot execute are made of: what torch or a target's `imports` say, and here."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import torch
from executorch.exir.passes.constant_prop_pass import constant_prop_pass  # type: ignore[import-untyped]
from torch import Tensor
from torch._decomp import decomposition_table
from torch._ops import OpOverload
from torch.export import ExportedProgram

from pte_foundry.backends.kernels import operators_of
from pte_foundry.backends.volumes import average_pool_3d, convolution_3d, max_pool_3d

_ATEN = torch.ops.aten

_AS_THEY_ARE = {
    _ATEN.full.default,
    _ATEN.zeros.default,
    _ATEN.ones.default,
    _ATEN.arange.start_step,
}
"""Would only grow a program as constants."""


def decomposed(names: Collection[str], program: ExportedProgram) -> ExportedProgram | None:
    """An ATen program in which operators that become those of these names are replaced by what they are made of.

    Args:
        names: of the edge dialect, with or without an overload, e.g. `aten::convolution`.

    Returns:
        None if nobody says what any of them is made of.
    """
    wanted = {name.partition(".")[0] for name in names}
    made_of: dict[OpOverload, Callable[..., Any]] = {}
    slices = False
    for operator in operators_of(program):
        lowered, ours = _OURS.get(operator, (operator._schema.name, None))
        if lowered in wanted and (found := decomposition_table.get(operator, ours)):
            made_of[operator] = found
            slices = slices or found is ours
    if not made_of:
        return None
    program = program.run_decompositions(made_of)
    # Delegates take weights that are constants, and not slices of them.
    return constant_prop_pass(program, _AS_THEY_ARE) if slices else program


def _bilinear(first: Tensor, second: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`nn.Bilinear`. first: [..., n]; second: [..., m]; weight: [out, n, m]; bias: [out]."""
    # [..., out, 1, m]
    products = first[..., None, None, :] @ weight
    found = (products @ second[..., None, :, None]).flatten(-3)
    return found if bias is None else found + bias


_OURS: dict[OpOverload, tuple[str, Callable[..., Any]]] = {
    _ATEN.avg_pool3d.default: ("aten::avg_pool3d", average_pool_3d),
    _ATEN.bilinear.default: ("aten::_trilinear", _bilinear),
    _ATEN.conv3d.default: ("aten::convolution", convolution_3d),
    _ATEN.conv3d.padding: ("aten::convolution", convolution_3d),
    _ATEN.max_pool3d.default: ("aten::max_pool3d_with_indices", max_pool_3d),
}
"""Operator -> the name that it has in the edge dialect, and what it is made of."""

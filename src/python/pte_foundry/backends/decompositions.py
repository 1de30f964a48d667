"""What operators that the runtime cannot execute are made of: what torch or a target's `imports` say, and here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
from executorch.exir.passes.constant_prop_pass import constant_prop_pass  # type: ignore[import-untyped]
from torch import Tensor
from torch._decomp import decomposition_table
from torch._ops import OpOverload
from torch.export import ExportedProgram

from pte_foundry.backends.kernels import operators_of

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


def convolution_3d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sequence[int] = (1, 1, 1),
    padding: Sequence[int] | str = (0, 0, 0),
    dilation: Sequence[int] = (1, 1, 1),
    groups: int = 1,
) -> Tensor:
    """`torch.nn.functional.conv3d` as a sum of convolutions of pictures: one for each slice of the kernel.

    Args:
        x: [N, in, depth, height, width] or [in, depth, height, width].
        weight: [out, in / groups, depth, height, width].
        stride, padding, dilation: along depth, height and width; one number stands for three. `padding` may be
            `valid` or `same`.
    """
    if x.dim() == 4:
        batch = convolution_3d(x[None], weight, bias, stride, padding, dilation, groups)
        return batch.squeeze(0)
    stride, dilation = _three(stride), _three(dilation)
    spans = [step * (size - 1) for step, size in zip(dilation, weight.shape[2:])]
    if isinstance(padding, str):
        missing = spans if padding == "same" else [0, 0, 0]
        before = [one // 2 for one in missing]
        after = [one - first for one, first in zip(missing, before)]
    else:
        before = after = _three(padding)
    # Of the last dimension first.
    sides = [side for pair in zip(reversed(before), reversed(after)) for side in pair]
    if any(sides):
        x = torch.nn.functional.pad(x, sides)
    count = (x.shape[2] - spans[0] - 1) // stride[0] + 1
    total: Tensor | None = None
    for number in range(weight.shape[2]):
        first = number * dilation[0]
        pictures = x[:, :, first : first + stride[0] * (count - 1) + 1 : stride[0]].transpose(1, 2)
        part = torch.nn.functional.conv2d(
            pictures.flatten(0, 1),
            torch.select_copy(weight, 2, number),
            bias if total is None else None,
            stride[1:],
            0,
            dilation[1:],
            groups,
        )
        total = part if total is None else total + part
    assert total is not None
    return total.reshape(x.shape[0], count, *total.shape[1:]).transpose(1, 2)


def _three(values: Sequence[int]) -> list[int]:
    return list(values) * (3 // len(values))


_OURS: dict[OpOverload, tuple[str, Callable[..., Any]]] = {
    _ATEN.conv3d.default: ("aten::convolution", convolution_3d),
    _ATEN.conv3d.padding: ("aten::convolution", convolution_3d),
}
"""Operator -> the name that it has in the edge dialect, and what it is made of."""

"""What operators that the runtime cannot execute are made of: what torch or a target's `imports` say, and here."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
from executorch.exir.passes.constant_prop_pass import constant_prop_pass  # type: ignore[import-untyped]
from torch import Tensor
from torch._decomp import decomposition_table
from torch._guards import detect_fake_mode
from torch._ops import OpOverload
from torch.export import ExportedProgram, default_decompositions
from torch.nn import functional as F

from pte_foundry.backends.kernels import operators_of
from pte_foundry.backends.orders import (
    cumulative_log_sum,
    cumulative_maximum,
    cumulative_minimum,
    cumulative_product,
    kth_value,
    median,
    median_along,
    search_sorted,
    sort,
    stable_sort,
)
from pte_foundry.backends.volumes import (
    average_pool_3d,
    convolution_3d,
    max_pool_3d,
    transposed_convolution_3d,
)

_ATEN = torch.ops.aten

_AS_THEY_ARE = {
    _ATEN.full.default,
    _ATEN.zeros.default,
    _ATEN.ones.default,
    _ATEN.arange.start_step,
}
"""Would only grow a program as constants."""


def decomposed(
    names: Collection[str], program: ExportedProgram, deep: bool
) -> ExportedProgram | None:
    """An ATen program in which operators that become those of these names are replaced by what they are made of.

    Args:
        names: of the edge dialect, with or without an overload, e.g. `aten::convolution`.
        deep: also those that are hidden in operators that torch always takes apart, as a sort in `torch.quantile`.
            Then all of these are taken apart, also linear layers.

    Returns:
        None if nobody says what any of them is made of.
    """
    wanted = {name.partition(".")[0] for name in names}
    _forget_lowering(program)
    if deep:
        table = default_decompositions()
        apart = {one for one in operators_of(program) if one._can_decompose() and one in table}
        program = program.run_decompositions({one: table[one] for one in apart})
    made_of = _definitions(wanted, program)
    if not made_of:
        return None
    program = program.run_decompositions(made_of)
    # Delegates take weights that are constants, and not slices of them.
    ours = {found for _, found in _OURS.values()}
    return (
        program if ours.isdisjoint(made_of.values()) else constant_prop_pass(program, _AS_THEY_ARE)
    )


def _definitions(
    wanted: Collection[str], program: ExportedProgram
) -> dict[OpOverload, Callable[..., Any]]:
    made_of: dict[OpOverload, Callable[..., Any]] = {}
    for operator in operators_of(program):
        lowered, ours = _OURS.get(operator, (operator._schema.name, None))
        if lowered in wanted and (found := _definition(operator, ours)):
            made_of[operator] = found
    return made_of


def _forget_lowering(program: ExportedProgram) -> None:
    """A lowering that was given up leaves sizes that it made and that no graph has, of which torch would complain."""
    values = [node.meta.get("val") for node in program.graph.nodes]
    mode = detect_fake_mode([one for one in values if isinstance(one, Tensor)])
    if mode is not None and mode.shape_env is not None:
        mode.shape_env.pending_fresh_unbacked_symbols.clear()


def _definition(operator: OpOverload, ours: Callable[..., Any] | None) -> Callable[..., Any] | None:
    """A target's `imports` come before ours, and ours before torch's, which are made for compilers."""
    registered: Callable[..., Any] | None = decomposition_table.get(operator)
    if registered is None or (ours and registered.__module__.startswith("torch.")):
        return ours
    return registered


def _angle(x: Tensor) -> Any:
    """The phase of complex numbers."""
    if not x.is_complex():
        return NotImplemented
    real, imaginary = torch.view_as_real(x).unbind(-1)
    return torch.atan2(imaginary, real)


def _bilinear(first: Tensor, second: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`nn.Bilinear`. first: [..., n]; second: [..., m]; weight: [out, n, m]; bias: [out]."""
    # [..., out, 1, m]
    products = first[..., None, None, :] @ weight
    found = (products @ second[..., None, :, None]).flatten(-3)
    return found if bias is None else found + bias


def _convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
    *_: bool,
) -> Any:
    """As traced scripts call it. Of pictures and sequences it stays what it is."""
    if weight.dim() != 5:
        return NotImplemented
    if transposed:
        settings = (stride, padding, output_padding, groups, dilation)
        return transposed_convolution_3d(x, weight, bias, *settings)
    return convolution_3d(x, weight, bias, stride, padding, dilation, groups)


def _nonzero(x: Tensor) -> Any:
    """Of places in the flat tensor: each dimension's index is a digit of them."""
    if x.dim() == 0:
        return NotImplemented
    places = torch.arange(x.numel(), device=x.device)[(x != 0).flatten()]
    digits, step = [], 1
    for size in reversed(x.shape):
        digits.append(places // step % size)
        step *= size
    return torch.stack(digits[::-1], 1)


def _nonzero_columns(x: Tensor) -> Any:
    return NotImplemented if x.dim() == 0 else list(_nonzero(x).unbind(1))


def _adaptive_max_pool_2d(x: Tensor, output_size: Sequence[int]) -> tuple[Tensor, Tensor]:
    """x: [..., height, width] -> the greatest of each window, and their places in the flat picture."""
    height, width = x.shape[-2:]
    rows, columns = output_size
    if height % rows == 0 and width % columns == 0:
        windows = [height // rows, width // columns]
        found: tuple[Tensor, Tensor] = _ATEN.max_pool2d_with_indices.default(x, windows, windows)
        return found
    values, places = [], []
    for top, bottom in _windows(height, rows):
        for left, right in _windows(width, columns):
            value, place = x[..., top:bottom, left:right].flatten(-2).max(-1)
            across = right - left
            values.append(value)
            places.append((place // across + top) * width + place % across + left)
    shape = (*x.shape[:-2], rows, columns)
    return torch.stack(values, -1).reshape(shape), torch.stack(places, -1).reshape(shape)


def _adaptive_average_pool_3d(x: Tensor, output_size: Sequence[int]) -> Tensor:
    """x: [..., channels, depth, height, width] -> the mean of each picture's windows, then of each depth's."""
    # [..., depth, channels, height, width]
    pictures = x.transpose(-4, -3)
    flat = F.adaptive_avg_pool2d(pictures.flatten(0, -4), (output_size[1], output_size[2]))
    pooled = flat.reshape(*pictures.shape[:-2], *output_size[1:]).transpose(-4, -3)
    depths = _windows(x.shape[-3], output_size[0])
    return torch.stack([pooled[..., a:b, :, :].mean(-3) for a, b in depths], -3)


def _scatter_reduce(
    x: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Any:
    """Each place along `dim` gets what the values that `index` sends there come to. index, src: of one shape."""
    sizes = [[*one.shape] for one in (x, index, src)]
    for each in sizes[:2]:
        each[dim] = sizes[2][dim]
    if sizes[0] != sizes[1] or sizes[1] != sizes[2] or x.dim() == 0:
        return NotImplemented
    places = torch.arange(x.shape[dim], device=x.device)
    # [..., values, places]
    index, src = (one.movedim(dim, -1)[..., None] for one in (index, src))
    sent = index == places
    none = {"amax": -math.inf, "amin": math.inf, "prod": 1.0}.get(reduce, 0.0)
    if not x.is_floating_point() and math.isinf(none):
        none = torch.iinfo(x.dtype).min if none < 0 else torch.iinfo(x.dtype).max
    found = torch.where(sent, src, torch.full_like(src, none))
    x = x.movedim(dim, -1)
    count = sent.sum(-2)
    mine = x if include_self else torch.where(count > 0, torch.full_like(x, none), x)
    if reduce in ("amax", "amin"):
        extreme = torch.amax if reduce == "amax" else torch.amin
        choose = torch.maximum if reduce == "amax" else torch.minimum
        found = choose(mine, extreme(found, -2))
    elif reduce == "prod":
        found = mine * torch.prod(found, -2)
    else:
        found = mine + found.sum(-2)
    if reduce == "mean":
        count = (count + (1 if include_self else 0)).clamp_min(1)
        found = found / count if x.is_floating_point() else found // count
    return found.to(x.dtype).movedim(-1, dim)


def _windows(size: int, count: int) -> list[tuple[int, int]]:
    """Begin and end of each, as torch's adaptive pooling has them (aten/src/ATen/native/AdaptivePooling.h)."""
    return [(each * size // count, -(-(each + 1) * size // count)) for each in range(count)]


_OURS: dict[OpOverload, tuple[str, Callable[..., Any]]] = {
    _ATEN._adaptive_avg_pool3d.default: ("aten::_adaptive_avg_pool3d", _adaptive_average_pool_3d),
    _ATEN.adaptive_avg_pool3d.default: ("aten::_adaptive_avg_pool3d", _adaptive_average_pool_3d),
    _ATEN.adaptive_max_pool2d.default: ("aten::adaptive_max_pool2d", _adaptive_max_pool_2d),
    _ATEN.angle.default: ("aten::angle", _angle),
    _ATEN.argwhere.default: ("aten::nonzero", _nonzero),
    _ATEN.argsort.default: ("aten::sort", lambda *args, **kwargs: sort(*args, **kwargs)[1]),
    _ATEN.argsort.stable: ("aten::sort", lambda *args, **kwargs: stable_sort(*args, **kwargs)[1]),
    _ATEN.avg_pool3d.default: ("aten::avg_pool3d", average_pool_3d),
    _ATEN.bilinear.default: ("aten::_trilinear", _bilinear),
    _ATEN._convolution.default: ("aten::convolution", _convolution),
    _ATEN.convolution.default: ("aten::convolution", _convolution),
    _ATEN.conv3d.default: ("aten::convolution", convolution_3d),
    _ATEN.conv3d.padding: ("aten::convolution", convolution_3d),
    _ATEN.conv_transpose3d.input: ("aten::convolution", transposed_convolution_3d),
    _ATEN.cummax.default: ("aten::cummax", cumulative_maximum),
    _ATEN.cummin.default: ("aten::cummin", cumulative_minimum),
    _ATEN.cumprod.default: ("aten::cumprod", cumulative_product),
    _ATEN.__lshift__.Scalar: ("aten::__lshift__", torch.bitwise_left_shift),
    _ATEN.__rshift__.Scalar: ("aten::__rshift__", torch.bitwise_right_shift),
    _ATEN.hypot.default: ("aten::hypot", lambda x, y: torch.sqrt(x * x + y * y)),
    _ATEN.kthvalue.default: ("aten::kthvalue", kth_value),
    _ATEN.logcumsumexp.default: ("aten::logcumsumexp", cumulative_log_sum),
    _ATEN.max_pool3d.default: ("aten::max_pool3d_with_indices", max_pool_3d),
    _ATEN.median.default: ("aten::median", median),
    _ATEN.median.dim: ("aten::median", median_along),
    _ATEN.nonzero.default: ("aten::nonzero", _nonzero),
    _ATEN.nonzero_numpy.default: ("aten::nonzero", _nonzero_columns),
    _ATEN.scatter_reduce.two: ("aten::scatter_reduce", _scatter_reduce),
    _ATEN.searchsorted.Tensor: ("aten::searchsorted", search_sorted),
    _ATEN.sort.default: ("aten::sort", sort),
    _ATEN.sort.stable: ("aten::sort", stable_sort),
    _ATEN.where.default: ("aten::nonzero", _nonzero_columns),
}
"""Operator -> the name that it has in the edge dialect, and what it is made of."""

"""Orders and running results, made of what the runtime has kernels of.

Arguments and results are those of the ATen operators: tensors of floats or integers, of any shape, and int64 indices.
NaN is greater than any number, as in torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

_LONGEST_STABLE = 4096
"""Values in a row of a stable order, which compares each pair of them."""


def sort(x: Tensor, dim: int = -1, descending: bool = False) -> tuple[Tensor, Tensor]:
    """Where values are equal, indices may be in another order than torch's."""
    if x.dim() == 0:
        return x.clone(), torch.zeros_like(x, dtype=torch.int64)
    return torch.topk(x, x.shape[dim], dim, descending)


def stable_sort(
    x: Tensor, *, stable: bool | None = None, dim: int = -1, descending: bool = False
) -> Any:
    """Each value goes to the place that is the number of those before it."""
    if not stable or x.dim() == 0:
        return sort(x, dim, descending)
    if x.shape[dim] > _LONGEST_STABLE:
        return NotImplemented
    x = x.movedim(dim, -1)
    one, other = x[..., :, None], x[..., None, :]
    below, above = _is_less(other, one), _is_less(one, other)
    places = torch.arange(x.shape[-1], device=x.device)
    earlier = places[None, :] < places[:, None]
    before = (above if descending else below) | (~(below | above) & earlier)
    ranks = before.sum(-1)
    indices = torch.scatter(torch.zeros_like(ranks), -1, ranks, places.expand_as(ranks))
    return torch.gather(x, -1, indices).movedim(-1, dim), indices.movedim(-1, dim)


def kth_value(x: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """The k-th of the least; `sort` says which of equal ones."""
    if x.dim() == 0:
        return sort(x)
    values, indices = torch.topk(x, k, dim, False)
    values, indices = (each.narrow(dim, k - 1, 1) for each in (values, indices))
    return (values, indices) if keepdim else (values.squeeze(dim), indices.squeeze(dim))


def median(x: Tensor) -> Tensor:
    """Of all values; the lower one of two."""
    return median_along(x.flatten(), 0)[0]


def median_along(x: Tensor, dim: int = -1, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """NaN if there is one."""
    if x.dim() == 0:
        return sort(x)
    values, indices = kth_value(x, (x.shape[dim] + 1) // 2, dim, keepdim)
    if not x.is_floating_point():
        return values, indices
    missing = torch.isnan(x)
    found = missing.any(dim, keepdim)
    first = missing.to(torch.int64).argmax(dim, keepdim)
    return values.masked_fill(found, math.nan), torch.where(found, first, indices)


def search_sorted(
    sorted_sequence: Tensor,
    values: Tensor,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """The number of edges below each value. sorted_sequence: [n] or [..., n]; values: [..., m]."""
    if sorter is not None:
        sorted_sequence = torch.gather(sorted_sequence, -1, sorter)
    edges, given = sorted_sequence[..., None, :], values[..., None]
    below = edges <= given if right or side == "right" else edges < given
    return below.sum(-1, dtype=torch.int32 if out_int32 else torch.int64)


def cumulative_product(x: Tensor, dim: int, dtype: torch.dtype | None = None) -> Tensor:
    if dtype is None and not x.is_floating_point():
        dtype = torch.int64
    x = x if dtype is None else x.to(dtype)
    (found,) = _running((x,), dim, lambda before, after: (before[0] * after[0],))
    return found


def cumulative_log_sum(x: Tensor, dim: int) -> Tensor:
    """`logcumsumexp`: log(e^a + e^b) = max(a, b) + log(1 + e^-|a - b|)."""

    def combine(before: _Parts, after: _Parts) -> _Parts:
        (a,), (b,) = before, after
        # Of two infinities there is no difference.
        apart = torch.where(a == b, 0.0, (a - b).abs())
        return (torch.maximum(a, b) + torch.log1p(torch.exp(-apart)),)

    (found,) = _running((x,), dim, combine)
    return found


def cumulative_maximum(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    return _cumulative_extreme(x, dim, torch.ge)


def cumulative_minimum(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    return _cumulative_extreme(x, dim, torch.le)


def _cumulative_extreme(
    x: Tensor, dim: int, is_reached: Callable[[Tensor, Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """The last of equal ones counts, and NaN above all."""

    def combine(before: _Parts, after: _Parts) -> _Parts:
        later = is_reached(after[0], before[0])
        if x.is_floating_point():
            later = torch.isnan(after[0]) | (later & ~torch.isnan(before[0]))
        values, indices = (torch.where(later, new, old) for old, new in zip(before, after))
        return values, indices

    shape = [1] * x.dim()
    if shape:
        shape[dim] = x.shape[dim]
    places = torch.arange(math.prod(shape), device=x.device).reshape(shape).expand_as(x)
    values, indices = _running((x, places), dim, combine)
    return values, indices


_Parts = tuple[Tensor, ...]


def _running(parts: _Parts, dim: int, combine: Callable[[_Parts, _Parts], _Parts]) -> _Parts:
    """In each step of twice the length (Hillis and Steele, "Data parallel algorithms", CACM 1986)."""
    length = parts[0].shape[dim] if parts[0].dim() else 1
    reach = 1
    while reach < length:
        rest = length - reach
        before = tuple(part.narrow(dim, 0, rest) for part in parts)
        after = tuple(part.narrow(dim, reach, rest) for part in parts)
        heads = [part.narrow(dim, 0, reach) for part in parts]
        parts = tuple(torch.cat(pair, dim) for pair in zip(heads, combine(before, after)))
        reach *= 2
    return parts


def _is_less(one: Tensor, other: Tensor) -> Tensor:
    less = one < other
    if one.is_floating_point():
        less = less | (torch.isnan(other) & ~torch.isnan(one))
    return less

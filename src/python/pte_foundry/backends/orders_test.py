from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

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


def _values(seed: int = 0) -> Tensor:
    """No two of them are equal."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(84, generator=generator).reshape(3, 4, 7) / 8 - 5


_WHOLE = torch.randint(-3, 4, (3, 4, 7), generator=torch.Generator().manual_seed(1))
"""With many that are equal."""


def _with_nan() -> Tensor:
    x = _WHOLE.double()
    x[0, 1, 2] = x[1, 3, 0] = x[1, 3, 6] = math.nan
    x[2, 0, 0] = -math.inf
    return x


def _same(found: Any, expected: Any) -> None:
    torch.testing.assert_close(tuple(found), tuple(expected), equal_nan=True)


@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("descending", [False, True])
def test_orders(dim: int, descending: bool) -> None:
    _same(sort(_values(), dim, descending), torch.sort(_values(), dim, descending))
    for x in (_WHOLE, _WHOLE > 0, _with_nan()):
        found = stable_sort(x, stable=True, dim=dim, descending=descending)
        _same(found, torch.sort(x, dim=dim, descending=descending, stable=True))
    # Of equal ones any order will do if it need not be stable.
    for stable in (None, False):
        values, indices = stable_sort(_WHOLE, stable=stable, dim=dim, descending=descending)
        assert torch.equal(values, torch.sort(_WHOLE, dim, descending).values)
        assert torch.equal(values, _WHOLE.gather(dim, indices))


def test_a_stable_order_of_very_many_is_left_alone() -> None:
    assert stable_sort(torch.zeros(5000), stable=True) is NotImplemented
    assert stable_sort(torch.zeros(5000), stable=False) is not NotImplemented


@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("keepdim", [False, True])
def test_places_in_an_order(dim: int, keepdim: bool) -> None:
    x = _values()
    _same(kth_value(x, 2, dim, keepdim), torch.kthvalue(x, 2, dim, keepdim))
    _same(median_along(x, dim, keepdim), torch.median(x, dim, keepdim))
    x[1, 2, 3] = math.nan
    _same(median_along(x, dim, keepdim), torch.median(x, dim, keepdim))


@pytest.mark.parametrize("x", [_values(), _with_nan(), _WHOLE, torch.tensor(3.0)])
def test_the_median_of_all(x: Tensor) -> None:
    torch.testing.assert_close(median(x), torch.median(x), equal_nan=True)


@pytest.mark.parametrize(
    "how", [{}, {"right": True}, {"side": "right"}, {"side": "left"}, {"out_int32": True}]
)
def test_values_among_edges(how: dict[str, Any]) -> None:
    edges = torch.tensor([-2.0, -1.0, -1.0, 0.5, 2.0])
    values = torch.tensor([[-3.0, -2.0, -1.0], [0.0, 2.0, 9.0]])
    _same([search_sorted(edges, values, **how)], [torch.searchsorted(edges, values, **how)])
    rows = torch.stack([edges, edges + 1])
    _same([search_sorted(rows, values, **how)], [torch.searchsorted(rows, values, **how)])


def test_edges_in_an_order_of_their_own() -> None:
    edges, values = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([0.0, 3.0])
    sorter = torch.argsort(edges)
    _same(
        [search_sorted(edges, values, sorter=sorter)],
        [torch.searchsorted(edges, values, sorter=sorter)],
    )


@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize(
    ("mine", "torchs"),
    [(cumulative_maximum, torch.cummax), (cumulative_minimum, torch.cummin)],
)
def test_the_greatest_and_least_so_far(
    mine: Callable[..., Any], torchs: Callable[..., Any], dim: int
) -> None:
    for x in (_values(), _WHOLE, _with_nan()):
        _same(mine(x, dim), torchs(x, dim))


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_products_and_sums_so_far(dim: int) -> None:
    for x in (_values(), _WHOLE):
        _same([cumulative_product(x, dim)], [torch.cumprod(x, dim)])
    wide = torch.float64
    _same([cumulative_product(_WHOLE, dim, wide)], [torch.cumprod(_WHOLE, dim, dtype=wide)])
    x = _values() * 40
    x[2, 0, 0] = x[2, 0, 1] = -math.inf
    _same([cumulative_log_sum(x, dim)], [torch.logcumsumexp(x, dim)])


_AT_ONE: list[tuple[Callable[..., Any], Callable[..., Any]]] = [
    (sort, torch.sort),
    (median_along, torch.median),
    (cumulative_maximum, torch.cummax),
    (cumulative_product, torch.cumprod),
    (cumulative_log_sum, torch.logcumsumexp),
]


@pytest.mark.parametrize(("mine", "torchs"), _AT_ONE)
def test_a_single_number(mine: Callable[..., Any], torchs: Callable[..., Any]) -> None:
    x = torch.tensor(3.0)
    pair = (mine(x, 0), torchs(x, 0))
    _same(*(one if isinstance(one, tuple) else (one,) for one in pair))

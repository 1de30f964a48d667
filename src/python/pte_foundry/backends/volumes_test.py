from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from pte_foundry.backends.volumes import (
    average_pool_3d,
    convolution_3d,
    max_pool_3d,
    transposed_convolution_3d,
)

_VOLUMES = torch.randn(2, 4, 5, 9, 8, generator=torch.Generator().manual_seed(0)).double()


def _volumes(batched: bool) -> Tensor:
    return _VOLUMES if batched else _VOLUMES[0]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"stride": 2},
        {"stride": [2, 1, 3], "padding": [1, 0, 2]},
        {"padding": "same", "dilation": [2, 1, 1]},
        {"padding": "valid"},
        {"padding": [0, 0, 1], "dilation": 2},
        {"groups": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("batched", [True, False])
def test_convolutions(settings: dict[str, Any], biased: bool, batched: bool) -> None:
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn(6, 4 // settings.get("groups", 1), 3, 2, 3, generator=generator)
    bias = torch.randn(6, generator=generator) if biased else None
    x = _volumes(batched)
    weight, bias = weight.double(), None if bias is None else bias.double()
    expected = F.conv3d(x, weight, bias, **settings)
    three: dict[str, Any] = {
        name: [value] * 3 if isinstance(value, int) and name != "groups" else value
        for name, value in settings.items()
    }
    torch.testing.assert_close(convolution_3d(x, weight, bias, **three), expected)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"stride": 2},
        {"stride": [3, 1, 2], "padding": [2, 0, 1], "output_padding": [1, 0, 0]},
        {"stride": [2, 2, 1], "dilation": [3, 1, 2], "padding": 1},
        {"output_padding": 1, "stride": 2, "groups": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("batched", [True, False])
def test_transposed_convolutions(settings: dict[str, Any], biased: bool, batched: bool) -> None:
    generator = torch.Generator().manual_seed(1)
    groups = settings.get("groups", 1)
    weight = torch.randn(4, 6 // groups, 3, 2, 3, generator=generator).double()
    bias = torch.randn(6, generator=generator).double() if biased else None
    x = _volumes(batched)
    expected = F.conv_transpose3d(x, weight, bias, **settings)
    given: dict[str, Any] = {
        name: [value] if isinstance(value, int) and name != "groups" else value
        for name, value in settings.items()
    }
    torch.testing.assert_close(transposed_convolution_3d(x, weight, bias, **given), expected)


_POOLINGS: list[dict[str, Any]] = [
    {"kernel_size": [2]},
    {"kernel_size": [2, 3, 1], "stride": [1, 2, 2]},
    {"kernel_size": [3], "stride": [2], "padding": [1]},
    {"kernel_size": [3], "stride": [2], "padding": [1], "ceil_mode": True},
    {"kernel_size": [2, 2, 2], "stride": [3], "padding": [1], "ceil_mode": True},
    {"kernel_size": [4, 1, 1], "stride": [3, 1, 1], "ceil_mode": True},
]


@pytest.mark.parametrize(
    "settings", [*_POOLINGS, {"kernel_size": [2], "dilation": [2, 1, 3]}], ids=str
)
@pytest.mark.parametrize("batched", [True, False])
def test_greatest_values(settings: dict[str, Any], batched: bool) -> None:
    x = _volumes(batched)
    expected = torch.ops.aten.max_pool3d(x, **settings)
    assert torch.equal(max_pool_3d(x, **settings), expected)


@pytest.mark.parametrize("settings", _POOLINGS, ids=str)
@pytest.mark.parametrize(
    "counting", [{}, {"count_include_pad": False}, {"divisor_override": 3}], ids=str
)
@pytest.mark.parametrize("batched", [True, False])
def test_means(settings: dict[str, Any], counting: dict[str, Any], batched: bool) -> None:
    x = _volumes(batched)
    expected = torch.ops.aten.avg_pool3d(x, **settings, **counting)
    torch.testing.assert_close(average_pool_3d(x, **settings, **counting), expected)

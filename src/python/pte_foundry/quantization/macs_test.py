from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from pte_foundry.quantization.macs import products


def _macs(module: nn.Module, *inputs: Tensor) -> list[int]:
    program = torch.export.export(module.eval(), inputs, strict=False)
    found = (products(node) for node in program.graph.nodes)
    return [product.macs for product in found if product is not None]


class _Apply(nn.Module):
    def __init__(self, function: object) -> None:
        super().__init__()
        self.function = function

    def forward(self, *tensors: Tensor) -> Tensor:
        return self.function(*tensors)  # type: ignore[operator, no-any-return]


def test_convolutions() -> None:
    image = torch.ones(1, 4, 10, 10)
    # 6 channels of 8x8, each from 4 channels of 3x3.
    assert _macs(nn.Conv2d(4, 6, 3), image) == [6 * 8 * 8 * 4 * 9]
    assert _macs(nn.Conv2d(4, 6, 3, stride=2, padding=1), image) == [6 * 5 * 5 * 4 * 9]
    # Depthwise: one channel each.
    assert _macs(nn.Conv2d(4, 4, 3, groups=4), image) == [4 * 8 * 8 * 9]
    assert _macs(nn.Conv2d(4, 6, 3, padding="same"), image) == [6 * 10 * 10 * 4 * 9]
    assert _macs(nn.Conv1d(4, 6, 3), torch.ones(1, 4, 10)) == [6 * 8 * 4 * 3]


def test_transposed_convolution_counts_from_its_input() -> None:
    # Each of the 4 x 10 x 10 inputs goes to 6 channels of 2x2.
    assert _macs(nn.ConvTranspose2d(4, 6, 2, 2), torch.ones(1, 4, 10, 10)) == [400 * 6 * 4]


def test_matrix_products() -> None:
    assert _macs(nn.Linear(8, 5), torch.ones(2, 3, 8)) == [2 * 3 * 5 * 8]
    left, right = torch.ones(2, 3, 4), torch.ones(2, 4, 5)
    for function in (torch.bmm, torch.matmul):
        assert _macs(_Apply(function), left, right) == [2 * 3 * 5 * 4]
    assert _macs(_Apply(torch.mm), left[0], right[0]) == [3 * 5 * 4]
    assert _macs(_Apply(torch.addmm), torch.ones(5), left[0], right[0]) == [3 * 5 * 4]


def test_attention() -> None:
    attention = _Apply(functional.scaled_dot_product_attention)
    query, key, value = torch.ones(2, 7, 4), torch.ones(2, 9, 4), torch.ones(2, 9, 6)
    assert _macs(attention, query, key, value) == [2 * 7 * 9 * (4 + 6)]


def test_other_operators_multiply_nothing() -> None:
    assert _macs(nn.Sequential(nn.ReLU(), nn.MaxPool2d(2)), torch.ones(1, 1, 4, 4)) == []

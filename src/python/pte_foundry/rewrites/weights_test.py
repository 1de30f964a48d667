from __future__ import annotations

from fractions import Fraction

import torch
from torch import nn
from torch.nn import functional as F

from pte_foundry.rewrites.weights import convolution, frozen_linear, ordered_matmul


def test_computes_and_owns_its_weights() -> None:
    whole = torch.randn(6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    linear = frozen_linear(whole[2:4], whole[4, :2])
    x = whole[:, :4].float()
    assert torch.equal(linear(x), F.linear(x, whole[2:4].float(), whole[4, :2].float()))
    for parameter in linear.parameters():
        assert parameter.dtype == torch.float32 and not parameter.requires_grad
        assert parameter.untyped_storage().nbytes() == parameter.numel() * 4
    view = frozen_linear(x[2:4], None)
    assert view.bias is None and view.weight.untyped_storage().nbytes() == 2 * 4 * 4


def test_draws_no_random_numbers() -> None:
    before = torch.random.get_rng_state()
    frozen_linear(torch.zeros(3, 3), torch.zeros(3))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_convolution_keeps_only_its_own_weights() -> None:
    whole = torch.randn(8, 2, 3, 3)
    like = nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=2)
    made = convolution(whole[:4], torch.zeros(8)[:4], like)
    assert (made.in_channels, made.out_channels, made.groups) == (4, 4, 2)
    assert (made.stride, made.padding) == ((2, 2), (1, 1))
    assert torch.equal(made.weight, whole[:4])
    assert made.weight.untyped_storage().nbytes() == made.weight.numel() * 4
    assert not made.weight.requires_grad and made.weight.is_contiguous()


def test_is_a_matrix_product_over_the_last_two_dimensions() -> None:
    left = torch.arange(24.0).reshape(2, 3, 4)
    right = torch.arange(40.0).reshape(2, 4, 5) - 7
    product = ordered_matmul(left, right)
    assert product.dtype == torch.float64 and torch.equal(product, (left @ right).double())


def test_adds_from_the_first_to_the_last() -> None:
    generator = torch.Generator().manual_seed(0)
    left = torch.randn(1, 50, generator=generator) * 1e6
    right = torch.randn(50, 1, generator=generator)
    total = 0.0
    for one, other in zip(left[0].tolist(), right[:, 0].tolist()):
        exact = Fraction(one) * Fraction(other)
        assert Fraction(one * other) == exact  # float32 times float32 fits into float64.
        total += one * other
    assert ordered_matmul(left, right).item() == total

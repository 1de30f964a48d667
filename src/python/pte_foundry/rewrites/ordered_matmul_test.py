from __future__ import annotations

from fractions import Fraction

import torch

from pte_foundry.rewrites.ordered_matmul import ordered_matmul


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

from __future__ import annotations

import pytest
import torch
from torch.nn.utils.fusion import fuse_conv_bn_weights

from pte_foundry.validation.payload_weights.folded_batch_norm import fold_batch_norm


@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_the_folded_convolution_is_that_of_torch(with_bias: bool, affine: bool) -> None:
    torch.manual_seed(0)
    weight, variance = torch.randn(8, 4, 3, 3), torch.rand(8) + 0.5
    bias = torch.randn(8) if with_bias else None
    scale, shift = (torch.randn(8), torch.randn(8)) if affine else (None, None)
    mean = torch.randn(8)
    values, off, sums, sums_off = fold_batch_norm(weight, bias, scale, shift, mean, variance, 1e-3)
    expected = fuse_conv_bn_weights(weight, bias, mean, variance, 1e-3, scale, shift)
    assert ((values - expected[0]).abs() <= off).all() and 0 < float(off.max()) < 1e-5
    assert ((sums - expected[1]).abs() <= sums_off).all() and 0 < float(sums_off.max()) < 1e-5


def test_a_bias_is_as_uncertain_as_what_cancels_in_it() -> None:
    one, many = torch.ones(1), torch.full((1,), 1e6)
    weight = torch.ones(1, 1, 1, 1)
    _, _, sums, off = fold_batch_norm(weight, many, one, one, many, one, 0.0)
    assert sums == 1.0 and 0.5 < float(off) < 2

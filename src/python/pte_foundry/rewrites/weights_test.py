from __future__ import annotations

import torch
from torch.nn import functional as F

from pte_foundry.rewrites.frozen_linear import frozen_linear


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

from __future__ import annotations

import pytest
import torch
from torch import nn

from pte_foundry.errors import PteError
from pte_foundry.rewrites.broadcast_upsampling import BroadcastUpsampling, rewrite


@pytest.mark.parametrize("factor", [2, 3])
def test_it_is_nearest_upsampling_to_the_bit(factor: int) -> None:
    x = torch.randn(1, 3, 4, 5)
    assert torch.equal(BroadcastUpsampling(factor)(x), nn.Upsample(scale_factor=factor)(x))


def test_every_upsampling_is_replaced() -> None:
    module = nn.Sequential(nn.Upsample(scale_factor=2.0), nn.Upsample(scale_factor=3))
    rewritten = rewrite(module, (torch.randn(1, 2, 3, 4),))
    assert [type(layer) for layer in rewritten.children()] == [BroadcastUpsampling] * 2


@pytest.mark.parametrize(
    "layer",
    [
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.Upsample(scale_factor=1.5),
        nn.Upsample(scale_factor=(2.0, 3.0)),
        nn.Upsample(size=(8, 8)),
    ],
)
def test_other_upsamplings_are_refused(layer: nn.Module) -> None:
    with pytest.raises(PteError, match="0 is Upsample.* not nearest by one whole factor") as caught:
        rewrite(nn.Sequential(layer), (torch.randn(1, 2, 4, 4),))
    assert caught.value.kind == "bad-rewrite"


def test_a_batch_is_refused() -> None:
    with pytest.raises(RuntimeError, match="invalid for input of size"):
        rewrite(nn.Sequential(nn.Upsample(scale_factor=2)), (torch.randn(2, 2, 4, 4),))

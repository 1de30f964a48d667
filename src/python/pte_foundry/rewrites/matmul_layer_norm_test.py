from __future__ import annotations

import pytest
import torch
from torch import nn

from pte_foundry.errors import PteError
from pte_foundry.rewrites.matmul_layer_norm import MatmulLayerNorm, rewrite
from pte_foundry.testing.rewrite_checks import (
    lower_to_xnnpack,
    relative_difference,
    snapshot,
    unchanged,
)


def _norm(scale: float = 1.0, eps: float = 1e-5) -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    generator = torch.Generator().manual_seed(0)
    norm = nn.LayerNorm(48, eps=eps).requires_grad_(False)
    norm.weight.copy_(torch.rand(48, generator=generator) + 0.5)
    norm.bias.copy_(torch.randn(48, generator=generator))
    # A mean far from 0, so that leaving it out would show.
    x = (torch.randn(1, 7, 48, generator=generator) + 3.0) * scale
    return nn.Sequential(norm).eval(), (x,)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_computes_layer_norm_at_every_scale(scale: float) -> None:
    original, inputs = _norm(scale)
    before = snapshot(original)
    rewritten = rewrite(original, inputs)
    assert isinstance(rewritten.get_submodule("0"), MatmulLayerNorm)
    assert relative_difference(original, rewritten, [inputs]) < 1e-5
    assert unchanged(original, before)


def test_xnnpack_takes_it_only_when_rewritten() -> None:
    original, inputs = _norm()
    _, stock = lower_to_xnnpack(original, inputs)
    assert stock.undelegated_total > 0
    _, facts = lower_to_xnnpack(rewrite(original, inputs), inputs)
    assert (facts.delegate_calls, facts.undelegated) == (1, {})


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (nn.Linear(2, 2), "has no LayerNorm"),
        (nn.LayerNorm((2, 2)), "one normalised dimension"),
        (nn.LayerNorm(2, elementwise_affine=False), "weight and bias"),
        (nn.LayerNorm(2, bias=False), "weight and bias"),
    ],
)
def test_other_modules_are_refused(module: nn.Module, reason: str) -> None:
    with pytest.raises(PteError, match=f"^bad-rewrite: .*{reason}"):
        rewrite(module, ())

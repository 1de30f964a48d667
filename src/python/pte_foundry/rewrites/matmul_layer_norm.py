"""LayerNorm as matrix products, so that XNNPACK takes it.

XNNPACK has no layer norm, and its partitioner takes no mean over the last dimension of a 3-D
tensor. A mean is a linear layer with one output whose weights are all 1/C.

For float32 only: in float16 the sum of squares overflows, in int8 the products lose the variance.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pte_foundry.rewrites.surgery import expect, replace_all
from pte_foundry.rewrites.weights import frozen_linear


class MatmulLayerNorm(nn.Module):
    """LayerNorm over the last dimension: float32 [..., C] -> [..., C].

    (x - mean) / sqrt(variance + eps) * weight + bias, with the biased variance, as
    `torch.nn.LayerNorm` has it (Ba et al., arXiv:1607.06450).
    """

    def __init__(self, norm: nn.LayerNorm) -> None:
        super().__init__()
        (channels,) = norm.normalized_shape
        self.mean = frozen_linear(torch.full((1, channels), 1.0 / channels), None)
        self.eps, self.weight, self.bias = norm.eps, norm.weight, norm.bias

    def forward(self, x: Tensor) -> Tensor:
        centred = x - self.mean(x)
        variance = self.mean(centred * centred)
        normalised: Tensor = centred * torch.rsqrt(variance + self.eps)
        return normalised * self.weight + self.bias


def rewrite(module: nn.Module, example_inputs: tuple[Tensor, ...]) -> nn.Module:
    """A copy of `module` in which every `nn.LayerNorm` is a `MatmulLayerNorm`.

    Raises:
        PteError: `bad-rewrite` if there is none, or one over several dimensions or without weight
            and bias.
    """
    return replace_all(__name__, module, nn.LayerNorm, _replace)


def _replace(path: str, norm: nn.LayerNorm) -> MatmulLayerNorm:
    expect(
        __name__,
        f"{path or 'the module'} (LayerNorm)",
        {
            "one normalised dimension": len(norm.normalized_shape) == 1,
            "weight and bias": norm.weight is not None and norm.bias is not None,
        },
    )
    return MatmulLayerNorm(norm).eval()

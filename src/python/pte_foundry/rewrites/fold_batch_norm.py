"""Batch norm folded into the convolution before it.

In eval mode batch norm is `(y - mean) / sqrt(variance + eps) * weight + bias`, one multiplication
and one addition per channel, which the convolution's own weight and bias can do (Jacob et al.,
"Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
CVPR 2018, section 3.2). Later rewrites take convolutions apart and rely on it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pte_foundry.rewrites.surgery import child, refuse, replace_layers
from pte_foundry.rewrites.weights import convolution


class ConvolutionActivation(nn.Module):
    """`act(conv(x))`. `conv` may be anything that does a convolution's work."""

    def __init__(self, conv: nn.Module, act: nn.Module) -> None:
        super().__init__()
        self.conv, self.act = conv, act

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.act(self.conv(x))
        return y


def rewrite(module: nn.Module, example_inputs: tuple[Tensor, ...]) -> nn.Module:
    """A copy of `module` in which ultralytics' `Conv` and `DWConv` are `ConvolutionActivation`s.

    The new weights are computed in float64 and rounded once.

    Raises:
        PteError: `bad-rewrite` if there is nothing to fold, or a batch norm remains.
    """
    rewritten = replace_layers(
        "folding batch norm", module, example_inputs, ("Conv", "DWConv"), _folded
    )
    left = [path for path, layer in rewritten.named_modules() if isinstance(layer, nn.BatchNorm2d)]
    if left:
        raise refuse(f"folding batch norm: {left[0]} does not follow a convolution")
    return rewritten


def _folded(path: str, layer: nn.Module) -> ConvolutionActivation:
    conv, norm = child(layer, "conv", nn.Conv2d), child(layer, "bn", nn.BatchNorm2d)
    if norm.running_mean is None or norm.running_var is None or norm.training:
        raise refuse("folding batch norm: it has no fixed statistics")
    mean, variance = norm.running_mean.double(), norm.running_var.double()
    weight = torch.ones_like(mean) if norm.weight is None else norm.weight.double()
    bias = torch.zeros_like(mean) if norm.bias is None else norm.bias.double()
    factor = weight / torch.sqrt(variance + norm.eps)
    shift = bias - mean * factor
    if conv.bias is not None:
        shift = shift + conv.bias.double() * factor
    scaled = conv.weight.double() * factor.reshape(-1, 1, 1, 1)
    folded = convolution(scaled.to(conv.weight.dtype), shift.to(conv.weight.dtype), conv)
    return ConvolutionActivation(folded, child(layer, "act", nn.Module))

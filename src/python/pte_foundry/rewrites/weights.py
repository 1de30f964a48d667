"""Layers with given weights, and arithmetic that makes such weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def convolution(weight: Tensor, bias: Tensor | None, like: nn.Conv2d | None = None) -> nn.Conv2d:
    """A convolution with these constants; stride, padding and dilation are those of `like`.

    Args:
        weight: [output channels, input channels per group, height, width].
        bias: [output channels] or None.
        like: None makes a plain convolution of stride 1 without padding.
    """
    groups = 1 if like is None else like.groups
    made = nn.Conv2d(
        weight.shape[1] * groups,
        weight.shape[0],
        kernel_size=(weight.shape[2], weight.shape[3]),
        stride=1 if like is None else like.stride,  # type: ignore[arg-type]
        padding=0 if like is None else like.padding,  # type: ignore[arg-type]
        dilation=1 if like is None else like.dilation,  # type: ignore[arg-type]
        groups=groups,
        bias=bias is not None,
    )
    made.weight = constant(weight)
    if bias is not None:
        made.bias = constant(bias)
    return made


def constant(value: Tensor) -> nn.Parameter:
    """A contiguous copy: XNNPACK's serializer writes the whole storage that a view belongs to."""
    return nn.Parameter(value.detach().clone().contiguous(), requires_grad=False)


def frozen_linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    """x @ weight.T + bias, float32 [..., C] -> [..., n]; nothing requires a gradient.

    Args:
        weight: [n, C]; rounded to float32.
        bias: [n], or None.
    """
    # On the meta device nothing is drawn, so torch's random numbers stay as they are.
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
    linear.weight = constant(weight.float())
    if bias is not None:
        linear.bias = constant(bias.float())
    return linear.eval()


def ordered_matmul(left: Tensor, right: Tensor) -> Tensor:
    """`left @ right` in float64, the same bits on every machine: [..., n, k] times [..., k, m] -> [..., n, m].

    BLAS adds in an order that depends on the CPU, and constants that an export computes go into the
    `.pte`. Products of float32 numbers are exact in float64, and the sums run over k from 0 up, one
    element-wise addition after the other.
    """
    left, right = left.to(torch.float64), right.to(torch.float64)
    total = left[..., :, 0, None] * right[..., None, 0, :]
    for k in range(1, left.shape[-1]):
        total = total + left[..., :, k, None] * right[..., None, k, :]
    return total

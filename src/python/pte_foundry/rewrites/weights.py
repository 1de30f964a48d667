"""A linear layer with given weights."""

from __future__ import annotations

from torch import Tensor, nn


def frozen_linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    """x @ weight.T + bias, float32 [..., C] -> [..., n]; nothing requires a gradient.

    Both are copied, as XNNPACK's serializer writes the whole storage that a view belongs to.

    Args:
        weight: [n, C]; rounded to float32.
        bias: [n], or None.
    """
    # On the meta device nothing is drawn, so torch's random numbers stay as they are.
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
    linear.weight = nn.Parameter(weight.detach().float().clone(), requires_grad=False)
    if bias is not None:
        linear.bias = nn.Parameter(bias.detach().float().clone(), requires_grad=False)
    return linear.eval()

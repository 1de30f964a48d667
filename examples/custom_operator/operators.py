"""The operator `examples::soft_clip`, and what it decomposes to when the model is exported."""

from __future__ import annotations

import torch
from torch import Tensor
from torch._decomp import register_decomposition


@torch.library.custom_op("examples::soft_clip", mutates_args=())
def soft_clip(values: Tensor, bound: float) -> Tensor:
    """`values`, smoothly brought to between -bound and bound."""
    return bound * torch.tanh(values / bound)


@soft_clip.register_fake
def _(values: Tensor, bound: float) -> Tensor:
    return torch.empty_like(values)


@register_decomposition(torch.ops.examples.soft_clip.default)
def _decomposed(values: Tensor, bound: float) -> Tensor:
    return bound * torch.tanh(values / bound)

"""A matrix product for folding weights, the same bits on every machine.

The result of a BLAS call depends on the CPU: which kernel it takes, and so in which order it adds.
Constants that an export computes go into the `.pte`, so they are added up in a fixed order here.
"""

from __future__ import annotations

import torch
from torch import Tensor


def ordered_matmul(left: Tensor, right: Tensor) -> Tensor:
    """`left @ right` in float64: [..., n, k] times [..., k, m] -> [..., n, m].

    Products of float32 numbers are exact in float64, and the sums run over k from 0 up, one
    element-wise addition after the other.
    """
    left, right = left.to(torch.float64), right.to(torch.float64)
    total = left[..., :, 0, None] * right[..., None, 0, :]
    for k in range(1, left.shape[-1]):
        total = total + left[..., :, k, None] * right[..., None, k, :]
    return total

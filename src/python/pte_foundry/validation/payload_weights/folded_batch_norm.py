"""What a lowering makes of a convolution and the batch norm behind it.

    weight' = weight * factor, bias' = shift + (bias - mean) * factor,  factor = scale / sqrt(variance + eps)

Source: Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", CVPR 2018, section 3.2; `torch.nn.utils.fusion.fuse_conv_bn_weights`
and coremltools' pass `fuse_conv_batchnorm` compute it in float32.
"""

from __future__ import annotations

import torch
from torch import Tensor

_ROUNDINGS = 8
"""More than the float32 operations on the longest way to a folded bias."""


def fold_batch_norm(
    weight: Tensor,
    bias: Tensor | None,
    scale: Tensor | None,
    shift: Tensor | None,
    mean: Tensor,
    variance: Tensor,
    epsilon: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Fold in float64.

    Args:
        weight: [channels, ...]; the others [channels], None for zeros (of a scale: ones).

    Returns:
        weight, its uncertainty, bias, its uncertainty: float32. An uncertainty is how far the same in
        float32 may be off: where terms of a sum cancel, by far more than a last bit of the result.
    """
    channels = [-1, *[1] * (weight.dim() - 1)]
    factor = _or(scale, mean, 1.0) / torch.sqrt(variance.double() + epsilon)
    folded = weight.double() * factor.reshape(channels)
    terms = [_or(shift, mean, 0.0), _or(bias, mean, 0.0) * factor, -mean.double() * factor]
    unit = torch.finfo(torch.float32).eps / 2 * _ROUNDINGS
    return (
        folded.float(),
        (folded.abs() * unit).float(),
        torch.stack(terms).sum(0).float(),
        (torch.stack(terms).abs().sum(0) * unit).float(),
    )


def _or(values: Tensor | None, like: Tensor, otherwise: float) -> Tensor:
    return torch.full_like(like, otherwise).double() if values is None else values.double()

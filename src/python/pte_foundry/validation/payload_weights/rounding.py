"""How far a stored number may be from the one that it stands for.

A float16 has 11 significant bits, and at least 2^-24 between two neighbours (IEEE 754-2019, table 3.5). Rounding
to the nearest is off by at most half of that. An integer stands for a multiple of its scale; the scale itself is
rounded to float16, which moves the greatest of them, 128, by up to 128 / 2048 of a scale more.
"""

from __future__ import annotations

import torch
from torch import Tensor

HALF_STEP = 0.5
_BITS = 11
_LEAST_STEP = 2.0**-24
_SCALE_ROUNDING = 128 / 2**_BITS
_GREATEST = torch.finfo(torch.float16).max


def float16_step(values: Tensor) -> Tensor:
    """Distance of the neighbours of each value in float16, float32."""
    _, exponents = torch.frexp(values)
    steps = torch.ldexp(torch.ones_like(values), exponents - _BITS).clamp(min=_LEAST_STEP)
    # 0 has no exponent.
    return torch.where(values == 0, _LEAST_STEP, steps)


def steps_off(
    stored: Tensor, expected: Tensor, scale: Tensor | None, uncertainty: Tensor | float
) -> float:
    """The largest difference in steps: of float16, or of the integers that `scale` belongs to.

    Args:
        stored, expected, scale: float32, which broadcast to one shape.
        uncertainty: of `expected`, absolute: that much of a difference does not count.

    Returns:
        At most 0.5 for what is only rounded; infinity where something is not finite.
    """
    # Beyond float16's range a lowering writes its greatest number.
    expected = expected.clamp(-_GREATEST, _GREATEST)
    difference = ((stored - expected).abs() - uncertainty).clamp(min=0.0)
    if not bool(torch.isfinite(difference).all()):
        return float("inf")
    if scale is None:
        return float((difference / float16_step(expected)).max())
    step = scale * (HALF_STEP + _SCALE_ROUNDING) / HALF_STEP
    return float((difference / step.abs().clamp(min=torch.finfo(torch.float32).tiny)).max())

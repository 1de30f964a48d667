"""How far a stored number may be from the one that it stands for.

A float16 has 11 significant bits and a float32 24; there are at least 2^-24 and 2^-149 between two neighbours
(IEEE 754-2019, table 3.5). Rounding to the nearest is off by at most half of that. An integer stands for a
multiple of its scale; the scale itself is rounded to float16, which moves the greatest of them, 128, by up
to 128 / 2048 of a scale more.
"""

from __future__ import annotations

import torch
from torch import Tensor

HALF_STEP = 0.5
_BITS = {torch.float16: 11, torch.float32: 24}
_LEAST_STEP = {torch.float16: 2.0**-24, torch.float32: 2.0**-149}
_SCALE_ROUNDING = 128 / 2**11
_GREATEST = torch.finfo(torch.float16).max


def float_step(values: Tensor, precision: torch.dtype) -> Tensor:
    """Distance of the neighbours of each value in float16 or float32; as float32."""
    _, exponents = torch.frexp(values)
    steps = torch.ldexp(torch.ones_like(values), exponents - _BITS[precision])
    # 0 has no exponent.
    return torch.where(values == 0, 0.0, steps).clamp(min=_LEAST_STEP[precision])


def steps_off(
    stored: Tensor,
    expected: Tensor,
    scale: Tensor | None,
    uncertainty: Tensor | float,
    precision: torch.dtype = torch.float16,
    largest: Tensor | None = None,
) -> float:
    """The largest difference in steps: of floats, or of the integers that `scale` belongs to.

    Args:
        stored, expected, scale: float32, which broadcast to one shape.
        uncertainty: of `expected`, absolute: that much of a difference does not count.
        precision: in which floats are stored.
        largest: magnitudes whose steps count, in place of those of `expected`.

    Returns:
        At most 0.5 for what is only rounded; infinity where something is not finite.
    """
    return float(steps_each(stored, expected, scale, uncertainty, precision, largest).max())


def steps_each(
    stored: Tensor,
    expected: Tensor,
    scale: Tensor | None,
    uncertainty: Tensor | float,
    precision: torch.dtype = torch.float16,
    largest: Tensor | None = None,
) -> Tensor:
    """The differences of which `steps_off` gives the largest; arguments and values as there."""
    if precision == torch.float16:
        # Beyond its range a lowering writes its greatest number.
        expected = expected.clamp(-_GREATEST, _GREATEST)
    difference = ((stored - expected).abs() - uncertainty).clamp(min=0.0)
    if scale is None:
        step = float_step(expected if largest is None else largest, precision)
    else:
        step = scale * (HALF_STEP + _SCALE_ROUNDING) / HALF_STEP
        step = step.abs().clamp(min=torch.finfo(torch.float32).tiny)
    return torch.where(torch.isfinite(difference), difference / step, torch.inf)

"""Which stored constant is which of the model's.

Their names differ, so they are paired by their values. The order of the elements in memory is compared as
well, so two swapped channels are seen. A delegate stores a tensor as the model has it, except for dimensions
of 1, as the transposed matrix, or with the channels of an image last; GPUs rearrange it when they load a
program. If two whole tensors of one shape are swapped, only the parity of outputs shows it.

A stored number may be off by rounding. A float16 has 11 significant bits and a float32 24; neighbours are at
least 2^-24 and 2^-149 apart (IEEE 754-2019, table 3.5). Rounding to the nearest is off by at most half of
that. Where minus infinity masks attention, CoreML's converter writes -30,000, whose exponential is 0 too. An
integer stands for a multiple of its scale; the scale itself is rounded to float16, which moves the greatest of
them, 128, by up to 128 / 2048 of a scale more.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from pte_foundry.backends.content import Constant
from pte_foundry.validation.payload_weights.model_constants import ModelConstant

HALF_STEP = 0.5
_SAMPLES = 64
_TOLERANCE = 1e-3
"""In steps, for the float32 arithmetic of the comparison itself."""

_BITS = {torch.float16: 11, torch.float32: 24}
_LEAST_STEP = {torch.float16: 2.0**-24, torch.float32: 2.0**-149}
_SCALE_ROUNDING = 128 / 2**11
_GREATEST = torch.finfo(torch.float16).max
_MASKED = -3e4
"""`mask = -3e4 * (1 - mask)`: coremltools, converters/mil/frontend/torch/ops.py, scaled_dot_product_attention."""


@dataclass(frozen=True)
class Match:
    """A stored constant and what it stands for.

    Attributes:
        models: names of all constants of the model that have these values.
        steps: the largest difference; 0 without a match.
    """

    stored: Constant
    models: tuple[str, ...]
    steps: float


def match_constants(
    stored: Sequence[Constant], model: Iterable[ModelConstant]
) -> tuple[Match, ...]:
    """Pair each stored constant with every constant of the model that it could be."""
    by_size: dict[int, list[ModelConstant]] = defaultdict(list)
    for one in model:
        by_size[one.values.numel()].append(one)
    rivals = {size: _Rivals(ones) for size, ones in by_size.items()}
    matches = []
    for constant in stored:
        size = constant.values.numel()
        off = {
            one.name: steps
            for one in (rivals[size].near(constant) if size in rivals else ())
            if (steps := _difference(constant, one)) <= HALF_STEP + _TOLERANCE
        }
        matches.append(Match(constant, tuple(off), max(off.values(), default=0.0)))
    return tuple(matches)


def _greatest(values: Tensor) -> Tensor:
    """The greatest finite element and the greatest finite magnitude, as float32; masks have infinite ones too."""
    finite = torch.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    return torch.stack([finite.max(), finite.abs().max()]).float()


class _Rivals:
    """The constants of the model with the same number of elements: often a hundred."""

    def __init__(self, constants: Sequence[ModelConstant]) -> None:
        self._constants = constants
        self._greatest = torch.stack([_greatest(one.values) for one in constants])
        unsure = (one.uncertainty for one in constants)
        self._unsure = torch.tensor(
            [float(one.max()) if isinstance(one, Tensor) else one for one in unsure]
        )

    def near(self, stored: Constant) -> list[ModelConstant]:
        """Those whose greatest element is close enough; that rules out nearly all of them.

        If no two elements differ by more than d, neither do the greatest ones.
        """
        off = steps_each(
            _greatest(stored.values)[:1],
            self._greatest[:, 0],
            None if stored.scale is None else stored.scale.abs().max(),
            self._unsure,
            stored.precision,
            largest=self._greatest[:, 1],
        )
        near = (off <= HALF_STEP + _TOLERANCE).tolist()
        return [one for one, may_be in zip(self._constants, near) if may_be]


def _difference(stored: Constant, model: ModelConstant) -> float:
    """In steps; infinity for different shapes, and as soon as a sample shows that the values differ."""
    found, expected = _compact(stored.values), _compact(model.values)
    orders = [expected, *([expected.t()] if expected.dim() == 2 else [])]
    if model.values.dim() == 4 and isinstance(model.uncertainty, float):
        last = model.values.permute(0, 2, 3, 1)
        orders += [_compact(last)] if last.shape == stored.values.shape else []
    fitting = (order for order in orders if order.shape == found.shape)
    return min((_in_order(stored, found, model, order) for order in fitting), default=math.inf)


def _in_order(stored: Constant, found: Tensor, model: ModelConstant, expected: Tensor) -> float:
    """In steps, of two tensors of the same shape; infinity if they are not the same."""
    unsure = model.uncertainty
    if isinstance(unsure, Tensor):
        unsure = _compact(unsure.reshape(model.values.shape))
        unsure = unsure if unsure.shape == expected.shape else unsure.t()
    scale = stored.scale
    if scale is not None:
        scale = _compact(scale.expand(stored.values.shape))
    # Most pairs of one size have nothing in common, as a few elements show.
    few = _sample(tuple(found.shape))
    off = steps_off(
        found[few],
        expected[few],
        None if scale is None else scale[few],
        unsure[few] if isinstance(unsure, Tensor) else unsure,
        stored.precision,
    )
    if off > HALF_STEP + _TOLERANCE:
        return math.inf
    return steps_off(found, expected, scale, unsure, stored.precision)


@cache
def _sample(shape: tuple[int, ...]) -> tuple[Tensor, ...]:
    count = math.prod(shape)
    flat = torch.arange(0, count, max(1, count // _SAMPLES))
    return torch.unravel_index(flat, shape)


def _compact(values: Tensor) -> Tensor:
    return values.reshape([size for size in values.shape if size != 1] or [1])


def float_step(values: Tensor, precision: torch.dtype) -> Tensor:
    """Distance between neighbours at each value in float16 or float32; as float32."""
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
) -> float:
    """The largest of `steps_each`."""
    return float(steps_each(stored, expected, scale, uncertainty, precision).max())


def steps_each(
    stored: Tensor,
    expected: Tensor,
    scale: Tensor | None,
    uncertainty: Tensor | float,
    precision: torch.dtype = torch.float16,
    largest: Tensor | None = None,
) -> Tensor:
    """Differences in steps: of floats, or of the integers that `scale` belongs to.

    Args:
        stored, expected, scale: float32, which broadcast to one shape.
        uncertainty: of `expected`, absolute: that much of a difference does not count.
        precision: of stored floats.
        largest: magnitudes whose steps count, instead of those of `expected`.

    Returns:
        At most 0.5 for what is only rounded; infinity where something is not finite, unless both are the same
        infinity.
    """
    same = stored == expected
    if precision == torch.float16:
        same = same | (expected == -torch.inf) & (stored == _MASKED)
        # A lowering writes the greatest float16 for anything beyond its range.
        expected = expected.clamp(-_GREATEST, _GREATEST)
    difference = ((stored - expected).abs() - uncertainty).clamp(min=0.0)
    if scale is None:
        step = float_step(expected if largest is None else largest, precision)
    else:
        step = scale * (HALF_STEP + _SCALE_ROUNDING) / HALF_STEP
        step = step.abs().clamp(min=torch.finfo(torch.float32).tiny)
    off = torch.where(torch.isfinite(difference), difference / step, torch.inf)
    return torch.where(same, 0.0, off)

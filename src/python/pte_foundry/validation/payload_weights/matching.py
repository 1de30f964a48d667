"""Which stored constant is which of the model's.

Both have names, and no two alike: they are paired by their values. What is compared is the order of the
elements in memory as well, so that two channels that changed places are seen. A delegate stores a
tensor as the model has it, save for dimensions of 1, as the transposed matrix, or with the channels
of an image last; what GPUs make of it in their own memory happens when a program is loaded. Two whole
tensors of one shape that changed places are not seen here, but by the parity of outputs.
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
from pte_foundry.validation.payload_weights.rounding import HALF_STEP, steps_each, steps_off

_SAMPLES = 64
_TOLERANCE = 1e-3
"""In steps, for the float32 arithmetic of the comparison itself."""


@dataclass(frozen=True)
class Match:
    """A stored constant and what it stands for.

    Attributes:
        models: names of all constants of the model that have these values; none if there is no such.
        steps: the largest difference, see `rounding`; 0 without a match.
    """

    stored: Constant
    models: tuple[str, ...]
    steps: float


def match_constants(
    stored: Sequence[Constant], model: Iterable[ModelConstant]
) -> tuple[Match, ...]:
    """Pair each stored constant with every constant of the model that it may be."""
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
    """The greatest element and the greatest magnitude, as float32."""
    return torch.stack([values.max(), values.abs().max()]).float()


class _Rivals:
    """The constants of the model that have one number of elements: often a hundred."""

    def __init__(self, constants: Sequence[ModelConstant]) -> None:
        self._constants = constants
        self._greatest = torch.stack([_greatest(one.values) for one in constants])
        unsure = (one.uncertainty for one in constants)
        self._unsure = torch.tensor(
            [float(one.max()) if isinstance(one, Tensor) else one for one in unsure]
        )

    def near(self, stored: Constant) -> list[ModelConstant]:
        """Without those that differ too much wherever their elements are, which is nearly always seen so.

        Where no two elements differ by more than d, neither do the greatest ones.
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
    """In steps; infinity for other shapes, and as soon as a sample shows that they are different."""
    found, expected = _compact(stored.values), _compact(model.values)
    if found.shape == expected.shape:
        off = _in_order(stored, found, model, expected)
        if off <= HALF_STEP + _TOLERANCE:
            return off
    if expected.dim() == 2 and found.shape == expected.t().shape:
        off = _in_order(stored, found, model, expected.t())
        if off <= HALF_STEP + _TOLERANCE:
            return off
    if model.values.dim() == 4 and isinstance(model.uncertainty, float):
        last = model.values.permute(0, 2, 3, 1)
        if last.shape == stored.values.shape:
            return _in_order(stored, found, model, _compact(last))
    return float("inf")


def _in_order(stored: Constant, found: Tensor, model: ModelConstant, expected: Tensor) -> float:
    """In steps, of two tensors of one shape; infinity if they are not the same."""
    unsure = model.uncertainty
    if isinstance(unsure, Tensor):
        unsure = _compact(unsure.reshape(model.values.shape))
        unsure = unsure if unsure.shape == expected.shape else unsure.t()
    scale = stored.scale
    if scale is not None:
        scale = _compact(scale.expand(stored.values.shape))
    # Most pairs of one size have nothing in common, and a few elements tell.
    few = _sample(tuple(found.shape))
    off = steps_off(
        found[few],
        expected[few],
        None if scale is None else scale[few],
        unsure[few] if isinstance(unsure, Tensor) else unsure,
        stored.precision,
    )
    if off > HALF_STEP + _TOLERANCE:
        return float("inf")
    return steps_off(found, expected, scale, unsure, stored.precision)


@cache
def _sample(shape: tuple[int, ...]) -> tuple[Tensor, ...]:
    count = math.prod(shape)
    flat = torch.arange(0, count, max(1, count // _SAMPLES))
    return torch.unravel_index(flat, shape)


def _compact(values: Tensor) -> Tensor:
    return values.reshape([size for size in values.shape if size != 1] or [1])

"""Inputs for export and validation that are the same bits on every machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pte_foundry.models.checkpoints.counter_stream import raw_integers
from pte_foundry.records.tensor_spec import TensorSpec, dimension_ranges, shape_at

_LEVELS = 1024
_PATCH = 32
"""Pixels a side of the flat patches below; 32 is the stride of the usual image backbones."""


def fixed_inputs(
    specs: Sequence[TensorSpec], count: int, sizes: Mapping[str, int] | None = None
) -> list[tuple[Tensor, ...]]:
    """`count` different sets of inputs, each with one contiguous tensor per spec.

    Floating-point tensors hold multiples of 1/256 of [-2, 2): about the range of a picture after
    the usual normalisation, and exact in float16 too. Pictures (4 dimensions) are patches of flat
    colour plus noise, because white noise alone averages out in a convolutional net and every
    input would look the same to its last layers. Where a range of values is declared, they have as many
    levels of that. Integers are of their declared values or of
    [0, 128), booleans fair coins; the first along a dynamic dimension is true, since a mask of one
    element that hides it would make outputs constant. Integers from 0 to 1 are such masks too.

    The integers come from `counter_stream.raw_integers`, keyed by the input's position and name.

    Args:
        sizes: of dynamic dimensions, by name; the greatest ones if left out.
    """
    return [
        tuple(_tensor(spec, sizes or {}, f"fixed-input/{number}/{spec.name}") for spec in specs)
        for number in range(count)
    ]


def sizes_to_try(specs: Sequence[TensorSpec]) -> dict[str, dict[str, int]]:
    """`largest`, `smallest` and `middle` -> sizes of the dynamic dimensions; empty if there are none.

    All dimensions are at the same end of their ranges at once.
    """
    ranges = dimension_ranges(specs)
    if not ranges:
        return {}
    return {
        "largest": {name: high for name, (_, high) in ranges.items()},
        "smallest": {name: low for name, (low, _) in ranges.items()},
        "middle": {name: (low + high) // 2 for name, (low, high) in ranges.items()},
    }


def _tensor(spec: TensorSpec, sizes: Mapping[str, int], key: str) -> Tensor:
    dtype: torch.dtype = getattr(torch, spec.dtype)
    shape = shape_at(spec, sizes)
    if dtype.is_floating_point:
        levels = _picture(shape, key) if len(shape) == 4 else _noise(shape, key)
        if spec.values is not None:
            return _within(levels, spec.values, dtype)
        return torch.tensor((levels - _LEVELS // 2) / 256.0).to(dtype).contiguous()
    if spec.values is None:
        integers = torch.tensor(_noise(shape, key) % (2 if dtype == torch.bool else 128))
    else:
        low, high = spec.values
        integers = torch.tensor(_integers(shape, (int(low), int(high)), key))
    if dtype == torch.bool or spec.values == (0, 1):
        for dim in spec.dynamic:
            integers.select(dim.axis, 0).fill_(1)
    return integers.to(dtype).contiguous()


def _within(
    levels: npt.NDArray[np.int64], values: tuple[float, float], dtype: torch.dtype
) -> Tensor:
    """Floats of [values[0], values[1]], evenly spaced: the least for level 0, the greatest for `_LEVELS - 1`."""
    low, high = values
    kind = np.dtype(str(dtype).removeprefix("torch.")).type
    least, greatest = kind(low), kind(high)
    # An end that is no number of this type is rounded, perhaps out of the range.
    if float(least) < low:
        least = np.nextafter(least, greatest)
    if float(greatest) > high:
        greatest = np.nextafter(greatest, least)
    spread = low + (high - low) * (levels / (_LEVELS - 1))
    return torch.tensor(spread.astype(kind).clip(least, greatest)).contiguous()


def _integers(shape: tuple[int, ...], values: tuple[int, int], key: str) -> npt.NDArray[np.int64]:
    """int64 of `shape`, each of [values[0], values[1]]."""
    low, high = values
    raw = raw_integers(key, int(np.prod(shape, dtype=np.int64)))
    span = high - low + 1
    # Of all 2**64 values of int64 a remainder would be 0.
    offsets = raw if span > np.iinfo(np.uint64).max else raw % np.uint64(span)
    # Modulo 2**64, which is what adding a negative `low` in two's complement comes to.
    return (offsets + np.uint64(low % 2**64)).astype(np.int64).reshape(shape)


def _noise(shape: tuple[int, ...], key: str) -> npt.NDArray[np.int64]:
    """int64 of `shape`, uniform in [0, _LEVELS)."""
    raw = raw_integers(key, int(np.prod(shape, dtype=np.int64)))
    return (raw % np.uint64(_LEVELS)).astype(np.int64).reshape(shape)


def _picture(shape: tuple[int, ...], key: str) -> npt.NDArray[np.int64]:
    """int64 of `shape` (N, C, height, width) in [0, _LEVELS): 3/4 patch colour, 1/4 noise."""
    batch, channels, height, width = shape
    rows, columns = -(-height // _PATCH), -(-width // _PATCH)
    patches = _noise((batch, channels, rows, columns), f"{key}/patches")
    flat = patches.repeat(_PATCH, axis=2).repeat(_PATCH, axis=3)[:, :, :height, :width]
    return (3 * flat + _noise(shape, f"{key}/noise")) // 4

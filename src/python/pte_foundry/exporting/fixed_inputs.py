"""Inputs for export and validation that are the same bits on every machine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pte_foundry.checkpoints.counter_stream import raw_integers
from pte_foundry.exporting.tensor_spec import TensorSpec

_LEVELS = 1024
_PATCH = 32
"""Pixels a side of the flat patches below; 32 is the stride of the usual image backbones."""


def fixed_inputs(specs: Sequence[TensorSpec], count: int) -> list[tuple[Tensor, ...]]:
    """`count` different sets of inputs, each with one contiguous tensor per spec.

    Floating-point tensors hold multiples of 1/256 of [-2, 2): about the range of a picture after
    the usual normalisation, and exact in float16 too. Pictures (4 dimensions) are patches of flat
    colour plus noise, because white noise alone averages out in a convolutional net and every
    input would look the same to its last layers. Integers are of [0, 128), booleans fair coins.

    The integers come from `counter_stream.raw_integers`, keyed by the input's position and name.
    """
    return [
        tuple(_tensor(spec, f"fixed-input/{number}/{spec.name}") for spec in specs)
        for number in range(count)
    ]


def _tensor(spec: TensorSpec, key: str) -> Tensor:
    dtype: torch.dtype = getattr(torch, spec.dtype)
    if dtype.is_floating_point:
        levels = _picture(spec.shape, key) if len(spec.shape) == 4 else _noise(spec.shape, key)
        return torch.tensor((levels - _LEVELS // 2) / 256.0).to(dtype).contiguous()
    bound = 2 if dtype == torch.bool else 128
    return torch.tensor(_noise(spec.shape, key) % bound).to(dtype).contiguous()


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

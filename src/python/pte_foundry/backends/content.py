"""What a payload stores and says of itself, in the same terms for every delegate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Constant:
    """Numbers that the payload's graph computes with.

    Attributes:
        name: as the payload calls it, or the place where it stands.
        values: float32, of the stored shape; of integers what they stand for.
        scale: of integers the distance of two neighbours, which broadcasts to `values`; None for floats.
        stored_bytes: what it takes in the payload.
        precision: of the stored floats, of the scale for integers: float16 or float32.
    """

    name: str
    values: Tensor
    scale: Tensor | None
    stored_bytes: int
    precision: torch.dtype = torch.float16


@dataclass(frozen=True)
class PayloadContent:
    """A payload's own description.

    Attributes:
        constants: all floats, and integers that stand for floats.
        operators: the payload's name of an operator -> number of calls; sorted by name. What only
            unpacks or copies constants does not count.
        convolutions: number of them, transposed ones included.
        products: number of matrix products, linear layers included.
        inputs: shape and element type (PyTorch's name) of each tensor that an app gives.
        outputs: likewise.
        float_types: element type -> number of floats of that type that are computed; where a payload
            does not say, the number of its constants.
        keeps_batch_norms: whether a batch norm is an operator of its own, and not folded into the
            convolution before it.
    """

    constants: tuple[Constant, ...]
    operators: Mapping[str, int]
    convolutions: int
    products: int
    inputs: tuple[tuple[tuple[int, ...], str], ...]
    outputs: tuple[tuple[tuple[int, ...], str], ...]
    float_types: Mapping[str, int]
    keeps_batch_norms: bool

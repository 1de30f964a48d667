"""The reader of pictures, where the toolchain has one: only those of models of pictures do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from pte_foundry.errors import PteError


def photograph_reader() -> Callable[[Path], Tensor]:
    """`decode.read_photograph`.

    Raises:
        PteError: `bad-picture` if the toolchain has no Pillow.
    """
    try:
        from pte_foundry.photographs.decode import read_photograph
    except ModuleNotFoundError as error:
        if error.name != "PIL":
            raise
        raise PteError(
            "bad-picture",
            "pictures are decoded by Pillow, which this model's toolchain lacks. Set "
            'builder_resolve="torchvision", whose lock has it, or use a `sample_set` in the place of pictures',
        ) from error
    return read_photograph

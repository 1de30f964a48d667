"""The inputs that a model is calibrated on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from torch import Tensor

from pte_foundry.errors import PteError
from pte_foundry.photographs.decode import read_photograph
from pte_foundry.quantization.recipe import QuantizationRequest

# Fractions of the golden ratio's two-dimensional kin, the root of x^3 = x + 1 (Roberts, "The
# Unreasonable Effectiveness of Quasirandom Sequences", 2018): successive points fill the unit square
# evenly, however many are taken.
_PLASTIC = 1.324717957244746
_STEPS = (1 / _PLASTIC, 1 / _PLASTIC**2)


def calibration_inputs(
    request: QuantizationRequest, crops: int = 0
) -> Iterator[tuple[Tensor, ...]]:
    """The model's inputs for each calibration picture, in the order of the pictures' names.

    Args:
        crops: how many parts of each picture to show after the whole; see `crop`.

    Raises:
        PteError: `bad-calibration` for a file that is not a picture, or that the model's preprocessing
            rejects.
    """
    for name in sorted(request.calibration):
        picture = _read(request.model, name, request.calibration[name])
        for part in (picture, *(crop(picture, index) for index in range(crops))):
            try:
                yield request.preprocess(part)
            except PteError as error:
                raise _unusable(request.model, name, error.message) from error


def crop(picture: Tensor, index: int) -> Tensor:
    """A part of half the height and half the width; only `index` decides where.

    Args:
        picture: uint8 [height, width, 3].

    Returns:
        uint8 [ceil(height / 2), ceil(width / 2), 3].
    """
    height, width = (picture.shape[0] + 1) // 2, (picture.shape[1] + 1) // 2
    top, left = (
        int((0.5 + step * (index + 1)) % 1.0 * (whole - part + 1))
        for step, whole, part in zip(_STEPS, picture.shape, (height, width))
    )
    return picture[top : top + height, left : left + width]


def _read(model: str, name: str, path: Path) -> Tensor:
    try:
        return read_photograph(path)
    except Exception as error:  # Pillow's decoders raise errors of many kinds for a damaged file.
        # Pillow names the path, which means nothing on another machine or in another run.
        reason = str(error).replace(str(path), name)
        raise _unusable(model, name, f"{type(error).__name__}: {reason}") from error


def _unusable(model: str, name: str, reason: str) -> PteError:
    return PteError(
        "bad-calibration",
        f"model {model!r}: the calibration picture {name} cannot be used ({reason}). Replace it, or "
        "remove it from the calibration set",
    )

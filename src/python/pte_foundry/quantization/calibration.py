"""The inputs that a model is calibrated on."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from pte_foundry.errors import PteError
from pte_foundry.photographs.decode import read_photograph
from pte_foundry.quantization.recipe import QuantizationRequest


def calibration_inputs(request: QuantizationRequest) -> Iterator[tuple[Tensor, ...]]:
    """The model's inputs for each calibration picture, in the order of the pictures' names.

    Raises:
        PteError: `bad-calibration` for a file that is no picture.
    """
    for name in sorted(request.calibration):
        try:
            picture = read_photograph(request.calibration[name])
        except (OSError, ValueError) as error:
            raise PteError(
                "bad-calibration",
                f"model {request.model!r}: the calibration picture {name} cannot be read "
                f"({type(error).__name__}: {error}). Replace it, or remove it from the calibration "
                "set",
            ) from error
        yield request.preprocess(picture)

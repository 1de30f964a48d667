"""The inputs that a model is calibrated on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from pte_foundry.errors import PteError
from pte_foundry.models.definition import takes_no_picture
from pte_foundry.models.fixed_inputs import fixed_inputs
from pte_foundry.photographs.reader import photograph_reader
from pte_foundry.quantization.recipe import QuantizationRequest
from pte_foundry.records.quantization import RANDOM_INPUTS
from pte_foundry.records.tensor_spec import TensorSpec
from pte_foundry.samples.arrays import has_arrays
from pte_foundry.samples.sample import read_sample

# Fractions of the golden ratio's two-dimensional kin, the root of x^3 = x + 1 (Roberts, "The
# Unreasonable Effectiveness of Quasirandom Sequences", 2018): successive points fill the unit square
# evenly, however many are taken.
_PLASTIC = 1.324717957244746
_STEPS = (1 / _PLASTIC, 1 / _PLASTIC**2)


def calibration_inputs(
    request: QuantizationRequest, crops: int = 0
) -> Iterator[tuple[Tensor, ...]]:
    """The model's inputs that a recipe learns ranges from.

    They are its calibration files in the order of their names: pictures, prepared as an app would, or samples. Or,
    where the option `RANDOM_INPUTS` says how many, random values within the declared ranges.

    Args:
        crops: how many parts of each picture to show after the whole; see `crop`.

    Raises:
        PteError: before the first input, `bad-sample` as `read_sample`, and `bad-calibration` for random values
            without a declared range, samples beside pictures, crops of samples, and pictures for a model that takes
            none; later, `bad-calibration` for a file that is not a picture, or that the model's preprocessing rejects.
    """
    if RANDOM_INPUTS in request.options:
        check_ranges(request.model, request.inputs)
        return _random_inputs(request.inputs, int(request.options[RANDOM_INPUTS]))
    samples = [name for name in sorted(request.calibration) if has_arrays(name)]
    if samples:
        _check_samples(request, samples, crops)
        return (_sample(request, name) for name in samples)
    if request.calibration and request.preprocess is takes_no_picture:
        raise PteError(
            "bad-calibration",
            f"model {request.model!r}: its builder prepares no pictures, so it cannot be calibrated on "
            f"{min(request.calibration)}. Calibrate it on its own inputs: put them into a `sample_set`, and name that "
            "in the `samples` of the calibration set",
        )
    return _picture_inputs(request, crops)


def check_ranges(model: str, inputs: Sequence[TensorSpec]) -> None:
    """
    Raises:
        PteError: `bad-calibration` for an input, other than truth values, of which any value may come.
    """
    without = [spec for spec in inputs if spec.values is None and spec.dtype != "bool"]
    if without:
        spec = without[0]
        example = "{0.0..1.0}" if spec.dtype.startswith("float") else "{0..999}"
        raise PteError(
            "bad-calibration",
            f"model {model!r}: it is to be calibrated on random values (`{RANDOM_INPUTS}`), but input {spec.name!r} "
            f"declares no range of values. Write it as {spec}{example}, with its own range, or calibrate on samples",
        )


def _random_inputs(specs: Sequence[TensorSpec], count: int) -> Iterator[tuple[Tensor, ...]]:
    """The same bits on every machine, and others than those that programs are tested on."""
    for number in range(count):
        own = [replace(spec, name=f"calibration/{number}/{spec.name}") for spec in specs]
        yield from fixed_inputs(own, 1)


def _check_samples(request: QuantizationRequest, samples: Sequence[str], crops: int) -> None:
    if len(samples) != len(request.calibration):
        picture = min(name for name in request.calibration if name not in samples)
        raise PteError(
            "bad-calibration",
            f"model {request.model!r}: its calibration set has pictures, such as {picture}, and samples, such as "
            f"{samples[0]}. Use one kind",
        )
    if crops:
        raise PteError(
            "bad-calibration",
            f"model {request.model!r}: `crops` is for pictures, and its calibration set has samples. Remove `crops` "
            "from `quantization_options`",
        )
    for name in samples:
        _sample(request, name)


def _sample(request: QuantizationRequest, name: str) -> tuple[Tensor, ...]:
    arrays = read_sample(request.inputs, request.calibration[name], name)
    return tuple(torch.from_numpy(array) for array in arrays)


def _picture_inputs(request: QuantizationRequest, crops: int) -> Iterator[tuple[Tensor, ...]]:
    number, read = 0, photograph_reader()
    for name in sorted(request.calibration):
        picture = _read(read, request.model, name, request.calibration[name])
        for part in (picture, *(crop(picture, index) for index in range(crops))):
            number += 1
            try:
                inputs = request.preprocess(part)
            except PteError as error:
                raise _unusable(request.model, name, error.message) from error
            check_picture_inputs(request.model, number, inputs)
            yield inputs


def check_picture_inputs(model: str, number: int, inputs: Sequence[Tensor]) -> None:
    """Refuse a prepared picture without content.

    Raises:
        PteError: `bad-calibration` for a tensor that is constant or not finite.
    """
    for x in inputs:
        least, greatest = torch.aminmax(x)
        if not (torch.isfinite(least) and torch.isfinite(greatest)):
            what = "has values that are not finite. Correct the `preprocess` of its builder"
        elif least == greatest:
            what = (
                f"has one value, {float(least):.6g}, everywhere: every other picture would saturate what is learned "
                "from it. Add photographs like those that the model will see to the calibration set"
            )
        else:
            continue
        raise PteError("bad-calibration", f"model {model!r}: calibration input {number} {what}")


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


def _read(read: Callable[[Path], Tensor], model: str, name: str, path: Path) -> Tensor:
    try:
        return read(path)
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

"""Whether pictures are prepared as the report tells apps to prepare them.

The program and the eager model get the same input, so neither shows a mistake in its preparation (a wrong order
of colours, a wrong mean). A picture of one colour does: however it is resized, its middle keeps the colour, and
so do its corners, unless the report mentions a border. The report says what a colour becomes in each channel.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from pte_foundry.errors import PteError
from pte_foundry.models.definition import Preprocess
from pte_foundry.records.facts import Tensor as ReportedTensor
from pte_foundry.validation.case import Case, Outcome, run_case, skipped

NAME = "preprocessing"
COLOUR = (204, 51, 102)
"""Red, green, blue: three different levels, so that every order is distinct."""

_HEIGHT, _WIDTH = 480, 640
"""Neither square nor as large as an input, so that letterboxing leaves a border."""

_TOLERANCE = 1e-5
"""Of float32 arithmetic on numbers of about 1, where neighbouring levels are 4e-3 apart."""

_SCALES = {"1/255": 1 / 255, "1": 1.0}
_BORDER = re.compile(r"^letterbox\b.*\bvalue (\d+) of 255\b")


def preprocessing_case(inputs: Sequence[ReportedTensor], preprocess: Preprocess) -> Case:
    """The case `preprocessing`, over all inputs that are pictures."""
    if not any(isinstance(one.description.get("normalisation"), Mapping) for one in inputs):
        return skipped(NAME, "no input is a picture")
    return run_case(NAME, "mismatch", lambda: preprocessing_outcome(inputs, preprocess))


def preprocessing_outcome(inputs: Sequence[ReportedTensor], preprocess: Preprocess) -> Outcome:
    """Hold a prepared picture to the report's normalisation.

    Raises:
        PteError: `structure` for a normalisation that is not known here.
    """
    picture = torch.tensor(COLOUR, dtype=torch.uint8).expand(_HEIGHT, _WIDTH, 3).contiguous()
    problems: list[str] = []
    measured: dict[str, object] = {}
    for reported, prepared in zip(inputs, preprocess(picture), strict=True):
        normalisation = reported.description.get("normalisation")
        if not isinstance(normalisation, Mapping):
            continue
        _check_layout(reported, prepared)
        border = _BORDER.match(str(normalisation.get("resize")))
        corner = COLOUR if border is None else (int(border[1]),) * 3
        middle = [size // 2 for size in prepared.shape[2:]]
        for where, levels, place in (("middle", COLOUR, middle), ("corner", corner, [0, 0])):
            expected = _normalised(reported, normalisation, levels)
            found = prepared[0, :, place[0], place[1]].tolist()
            measured[f"{reported.name} {where}"] = found
            if any(abs(one - other) > _TOLERANCE for one, other in zip(expected, found)):
                problems.append(
                    f"input {reported.name!r}: in a picture of RGB {list(COLOUR)} the {where} becomes "
                    f"{_rounded(found)}, but according to the report {_rounded(expected)}. Correct the "
                    "builder's `preprocess` or its `Normalisation`"
                )
    return Outcome("a colour becomes what the report says", tuple(problems), measured)


def _normalised(
    reported: ReportedTensor, normalisation: Mapping[str, Any], levels: Sequence[int]
) -> list[float]:
    """What red, green and blue become, in the order of the input's channels."""
    scale, colour = normalisation.get("scale"), normalisation.get("colour")
    mean, deviation = normalisation.get("mean", ()), normalisation.get("std", ())
    if (
        scale not in _SCALES
        or colour not in ("RGB", "BGR")
        or (len(mean), len(deviation)) != (3, 3)
    ):
        raise PteError(
            "structure",
            f"input {reported.name!r}: the normalisation {dict(normalisation)} is unknown: add it to "
            "pte_foundry.validation.preprocessing",
        )
    ordered = levels if colour == "RGB" else levels[::-1]
    return [(level * _SCALES[scale] - m) / s for level, m, s in zip(ordered, mean, deviation)]


def _check_layout(reported: ReportedTensor, prepared: Tensor) -> None:
    if (
        reported.description.get("layout") != "NCHW"
        or prepared.dim() != 4
        or prepared.shape[1] != 3
    ):
        raise PteError(
            "structure",
            f"input {reported.name!r} is not a colour picture of layout NCHW: add its layout to "
            "pte_foundry.validation.preprocessing",
        )


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, 4) for value in values]

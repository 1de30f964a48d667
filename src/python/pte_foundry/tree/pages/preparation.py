"""How a picture becomes an input, read from the words of a report's normalisation, as code for apps.

Builders describe the resize in words for people (`pte_foundry.models.definition.Normalisation`). The descriptions known
here become code; for any other, a page has only the words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from jinja2 import Environment

from pte_foundry.tree.pages.languages import Code, write_code

_SHORTER_SIDE = re.compile(
    r"shorter side to (\d+), bilinear with antialiasing, then centre crop (\d+)x(\d+)"
)
_SQUASH = re.compile(
    r"to (\d+)x(\d+) whatever the aspect ratio, bilinear(?: with antialiasing|, (no) antialiasing)"
)
_LETTERBOX = re.compile(
    r"letterbox: longer side to (\d+) \(bilinear, no antialiasing\), centred, the rest filled with the value "
    r"(\d+) of 255"
)
_LARGEST_SIDE = 1 << 14


@dataclass(frozen=True)
class Preparation:
    """`value = (level * scale - mean[c]) / std[c]` of a square picture that was resized.

    Attributes:
        kind: `shorter-side`: to `shorter`, then the middle; `squash`: whatever the aspect ratio; `letterbox`: whole,
            with `border` around it.
        side: of the input, in pixels.
        shorter: length of the shorter side before the crop; `side` unless the kind is `shorter-side`.
        border: 8-bit level of what the picture does not fill; 0 unless the kind is `letterbox`.
        antialias: whether the bilinear filter grows as the picture shrinks.
        scale: factor of the 8-bit level, as text that all languages read: `1.0 / 255.0` or `1.0`.
        mean, std: for each channel of the input, in its order.
        blue_first: whether the input's first channel is blue.
    """

    kind: Literal["shorter-side", "squash", "letterbox"]
    side: int
    shorter: int
    border: int
    antialias: bool
    scale: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    blue_first: bool


def read_preparation(
    dtype: str, layout: str, shape: Sequence[int], normalisation: Mapping[object, object]
) -> Preparation | None:
    """None for one that is not known here: an unknown layout, size, scale or way to resize."""
    scale = {"1/255": "1.0 / 255.0", "1": "1.0"}.get(str(normalisation.get("scale")))
    colour = normalisation.get("colour")
    mean, std = _three(normalisation.get("mean")), _three(normalisation.get("std"))
    if (
        (dtype, layout) != ("float32", "NCHW")
        or len(shape) != 4
        or (shape[0], shape[1]) != (1, 3)
        or shape[2] != shape[3]
        or not 0 < shape[2] <= _LARGEST_SIDE
        or colour not in ("RGB", "BGR")
        or scale is None
        or mean is None
        or std is None
        or 0.0 in std
    ):
        return None
    side = shape[2]
    words = str(normalisation.get("resize"))
    common = (scale, mean, std, colour == "BGR")
    if (match := _SHORTER_SIDE.fullmatch(words)) and match[2] == match[3] == str(side):
        shorter = int(match[1])
        # A smaller picture would be padded before the crop, which no code here does.
        if side <= shorter <= _LARGEST_SIDE:
            return Preparation("shorter-side", side, shorter, 0, True, *common)
    if (match := _SQUASH.fullmatch(words)) and match[1] == match[2] == str(side):
        return Preparation("squash", side, side, 0, match[3] is None, *common)
    if (match := _LETTERBOX.fullmatch(words)) and match[1] == str(side) and int(match[2]) <= 255:
        return Preparation("letterbox", side, side, int(match[2]), False, *common)
    return None


def preparation_code(templates: Environment, preparation: Preparation) -> tuple[Code, ...]:
    """The same function `preprocess` in each language.

    It takes RGB levels, three bytes per pixel, row by row, and returns float32 [1, 3, side, side]. Only numbers get
    into the templates, never text from the report.
    """
    values = {
        **vars(preparation),
        "mean": [repr(value) for value in preparation.mean],
        "std": [repr(value) for value in preparation.std],
    }
    return write_code(templates, "preprocess", values)


def _three(values: object) -> tuple[float, float, float] | None:
    """The numbers in a list of three finite ones; None for anything else."""
    if not isinstance(values, list) or len(values) != 3:
        return None
    if any(isinstance(each, bool) or not isinstance(each, (int, float)) for each in values):
        return None
    first, second, third = (float(each) for each in values)
    if not all(map(math.isfinite, (first, second, third))):
        return None
    return first, second, third

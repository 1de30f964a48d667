"""Letterboxing: scale a picture to fit a rectangle, and fill the rest with grey."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from pte_foundry.errors import PteError
from pte_foundry.models.definition import check_picture

GREY = 114
"""8-bit value of the border, from `LetterBox` of ultralytics.data.augment."""


def letterbox(picture: Tensor, height: int, width: int) -> Tensor:
    """uint8 RGB [any height, any width, 3] -> uint8 RGB [height, width, 3].

    As ultralytics does it: one factor for both directions, bilinear without antialiasing, the
    picture in the middle. OpenCV's bilinear resize works with rounded fixed-point weights, so a
    pixel may differ from it by 2 of 255 levels (most do not differ at all).

    Raises:
        PteError: `bad-picture` for any other shape or element type, and for a picture that is so
            narrow that it would vanish.
    """
    check_picture(picture)
    high, wide = picture.shape[:2]
    if min(high, wide) < 1:
        raise PteError("bad-picture", f"the picture has {high}x{wide} pixels: it is empty")
    factor = min(height / high, width / wide)
    rows, columns = round(high * factor), round(wide * factor)
    if min(rows, columns) < 1:
        raise PteError(
            "bad-picture",
            f"a picture of {high}x{wide} pixels would be {rows}x{columns} within {height}x{width}. "
            "Crop it to less extreme proportions",
        )
    pixels = picture.permute(2, 0, 1).unsqueeze(0).float()
    if (rows, columns) != (high, wide):
        pixels = interpolate(pixels, size=(rows, columns), mode="bilinear", align_corners=False)
    scaled = pixels[0].round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0)
    whole = torch.full((height, width, 3), GREY, dtype=torch.uint8)
    # Of an odd border, the greater part is below and to the right.
    top, left = (height - rows) // 2, (width - columns) // 2
    whole[top : top + rows, left : left + columns] = scaled
    return whole

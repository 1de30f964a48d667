"""Decode picture files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor


def read_photograph(path: Path) -> Tensor:
    """Decode a picture file to RGB, uint8 [height, width, 3]; raises OSError for anything else.

    A picture that its camera marked as turned is turned upright, as viewers and apps show it.
    """
    with Image.open(path) as image:
        return torch.from_numpy(np.array(ImageOps.exif_transpose(image).convert("RGB")))

"""Decode picture files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def read_photograph(path: Path) -> Tensor:
    """Decode a picture file to RGB, uint8 [height, width, 3]; raises OSError if it is none."""
    with Image.open(path) as image:
        return torch.from_numpy(np.array(image.convert("RGB")))

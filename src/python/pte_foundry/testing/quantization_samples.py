"""Small models and requests for the tests of quantization."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from pte_foundry.quantization.recipe import QuantizationRequest
from pte_foundry.records.tensor_spec import TensorSpec

SIDE = 16


class SmallDetector(nn.Module):
    """What YOLO has, small: SiLU spelled out, a slice, a concatenation, a pooling, a head.

    Input [1, 3, 16, 16], output [1, 8, 8, 8].
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.branch = nn.Conv2d(4, 4, 3, padding=1)
        self.mix = nn.Conv2d(8, 8, 1)
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Conv2d(8, 8, 1)

    def forward(self, image: Tensor) -> Tensor:
        x = self.stem(image)
        x = x * torch.sigmoid(x)
        y = self.branch(x[:, :4]) + x[:, 4:]
        x = self.mix(torch.cat((x[:, :4], y), 1))
        return self.head(self.pool(x * torch.sigmoid(x)))  # type: ignore[no-any-return]


def small_detector(seed: int = 0) -> SmallDetector:
    """With weights such that the output spans about +-2."""
    torch.manual_seed(seed)
    model = SmallDetector()
    model.eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.mul_(2.0)
    return model


def preprocess(picture: Tensor) -> tuple[Tensor, ...]:
    """uint8 [height, width, 3] -> the upper left 16x16 pixels, float32 [1, 3, 16, 16], 0 to 1."""
    pixels = picture[:SIDE, :SIDE].permute(2, 0, 1).unsqueeze(0)
    return (pixels.float().div(255.0).contiguous(),)


def write_pictures(folder: Path, names: tuple[str, ...], side: int = 2 * SIDE) -> dict[str, Path]:
    """A picture of noise for each name, all different; name -> path, sorted by name."""
    for name in names:
        noise = np.random.default_rng(sum(name.encode())).integers(0, 256, (side, side, 3))
        Image.fromarray(noise.astype(np.uint8)).save(folder / name)
    return {name: folder / name for name in sorted(names)}


def request(
    module: nn.Module,
    calibration: Mapping[str, Path],
    options: Mapping[str, str] | None = None,
    example_inputs: tuple[Tensor, ...] = (torch.zeros(1, 3, SIDE, SIDE),),
    inputs: tuple[TensorSpec, ...] = (TensorSpec("image", "float32", (1, 3, SIDE, SIDE)),),
) -> QuantizationRequest:
    """A request for a model called `small`."""
    return QuantizationRequest(
        model="small",
        module=module,
        inputs=inputs,
        example_inputs=example_inputs,
        preprocess=preprocess,
        calibration=calibration,
        options=options or {},
        begin=lambda stage: None,
    )

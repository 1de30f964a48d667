"""A small classifier that calls an operator of its own; `operators.py` says what that is made of."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pte_foundry.models.definition import InputContract, ModelDefinition, OutputContract
from pte_foundry.models.own.state_dict import plain_state_dict


@dataclass
class Answer:
    """`scores`: float32 [1, 4]. `brightness`: float32 [1, 3], the mean of each channel, 0 to 1."""

    scores: Tensor
    brightness: Tensor


class _Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 16, 3, padding=1)
        self.head = nn.Linear(16, 4)

    def forward(self, pixels: Tensor) -> Answer:
        picture = pixels.to(self.head.weight.dtype) / 255.0
        clipped = torch.ops.examples.soft_clip(self.features(picture), 2.0)
        return Answer(self.head(clipped.mean((2, 3))), picture.mean((2, 3)))


def build(model: str) -> ModelDefinition:
    """Input `pixels`: uint8 [1, 3, 16, 16]."""
    return ModelDefinition(
        module=_Gated().eval(),
        inputs=(InputContract("pixels", (1, 3, 16, 16), "NCHW"),),
        outputs=(
            OutputContract("scores", "one score per class"),
            OutputContract("brightness", "the mean of each channel, 0 to 1"),
        ),
        adapt_checkpoint=plain_state_dict,
    )

"""The smallest builder that has everything: tests export it instead of a real model."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pte_foundry.models.definition import InputContract, ModelDefinition, OutputContract


class _Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.gate = nn.Hardsigmoid()
        self.head = nn.Linear(144, 2)

    def forward(self, image: Tensor) -> Tensor:
        features: Tensor = self.gate(self.norm(self.convolution(image)))
        return self.head(features.flatten(1))  # type: ignore[no-any-return]


def build(model: str) -> ModelDefinition:
    """Input `image`: float32 [1, 3, 8, 8]. Output `scores`: float32 [1, 2]. Any model name."""
    return ModelDefinition(
        module=_Tiny().eval(),
        inputs=(InputContract("image", (1, 3, 8, 8), "NCHW"),),
        outputs=(OutputContract("scores", "two scores"),),
        adapt_checkpoint=_state_dict,
        preprocess=lambda picture: (torch.zeros(1, 3, 8, 8),),
    )


def _state_dict(content: object) -> Mapping[str, Tensor]:
    if not isinstance(content, dict):
        raise TypeError(f"expected a dict, found a {type(content).__name__}")
    return content

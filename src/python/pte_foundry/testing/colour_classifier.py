"""A classifier small enough to export in a test, and exact enough to be right: it names colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from pte_foundry.models.definition import (
    InputContract,
    ModelDefinition,
    Normalisation,
    OutputContract,
)

LABELS = ("red", "green", "blue")
SIDE = 16


class _ColourClassifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3, padding=1)
        self.head = nn.Linear(8, len(LABELS))

    def forward(self, image: Tensor) -> Tensor:
        features = torch.relu(self.convolution(image))
        # The kept dimensions are what lets Vulkan take the whole graph.
        return cast(Tensor, self.head(features.mean((2, 3), keepdim=True).flatten(1)))


def build(model: str) -> ModelDefinition:
    """Input `image`: float32 [1, 3, 16, 16] in [0, 1]. Output `logits`: float32 [1, 3]."""
    return ModelDefinition(
        module=_ColourClassifier().eval(),
        inputs=(
            InputContract(
                "image",
                (1, 3, SIDE, SIDE),
                "NCHW",
                Normalisation("1/255", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "RGB", "top left corner"),
            ),
        ),
        outputs=(OutputContract("logits", "one score a colour"),),
        checkpoint_globals=(),
        adapt_checkpoint=lambda content: cast(Mapping[str, Tensor], content),
        preprocess=_preprocess,
    )


def trained_state() -> dict[str, Tensor]:
    """Weights under which the mean of each colour channel decides, and nothing is quite round.

    As in networks that were really trained, one channel is dead (its activation never passes the ReLU)
    and has by far the largest weights: integers that share one scale with it lose the others.
    """
    generator = torch.Generator().manual_seed(0)
    state = {
        name: torch.rand(value.shape, generator=generator) * 0.02
        for name, value in _ColourClassifier().state_dict().items()
    }
    for channel in range(3):
        state["convolution.weight"][channel, channel, 1, 1] += 1.0
        state["head.weight"][channel, channel] += 4.0
    state["convolution.weight"][-1] = -10.0
    return state


def _preprocess(picture: Tensor) -> tuple[Tensor, ...]:
    corner = picture[:SIDE, :SIDE].permute(2, 0, 1)[None]
    return (corner.to(torch.float32).div(255.0).contiguous(),)

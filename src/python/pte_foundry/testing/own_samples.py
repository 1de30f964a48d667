"""Small models, saved in each form that a person may have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from pte_foundry.models.definition import SavedModel
from pte_foundry.models.fixed_inputs import fixed_inputs, sizes_to_try
from pte_foundry.records.tensor_spec import parse_tensor_spec

PICTURE = {"image": "float32[1,3,8,8]"}
TEXT = {"tokens": "int64[1,length=1..8]{0..19}", "mask": "bool[1,length=1..8]"}


class Classifier(nn.Module):
    """float32 [1, 3, 8, 8] -> float32 [1, 5]."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 5)

    def forward(self, image: Tensor) -> Tensor:
        features: Tensor = torch.relu(self.norm(self.convolution(image))).mean([2, 3])
        scores: Tensor = self.head(features)
        return scores


class Sentence(nn.Module):
    """int64 and bool [1, length] -> a dict of float32 [1, 6] and [1, length, 6]."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(20, 6)
        self.mix = nn.Linear(6, 6)

    def forward(self, tokens: Tensor, mask: Tensor) -> dict[str, Tensor]:
        mixed = self.mix(self.words(tokens)) * mask.to(torch.float32)[:, :, None]
        return {"mean": mixed.mean(1), "words": mixed}


@dataclass
class Pair:
    first: Tensor
    second: Tensor


def seeded_model(kind: type[nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return kind().eval()


def saved_model(
    path: Path,
    inputs: dict[str, str],
    outputs: Sequence[str] = (),
    allowed_classes: Sequence[str] = (),
) -> SavedModel:
    specs = [parse_tensor_spec(name, text) for name, text in inputs.items()]
    sizes = sizes_to_try(specs) or {"declared": {}}
    return SavedModel(
        name="sample",
        path=path,
        inputs=tuple((spec.name, spec.shape) for spec in specs),
        samples=tuple(fixed_inputs(specs, 1, each)[0] for each in sizes.values()),
        outputs=tuple(outputs),
        allowed_classes=tuple(allowed_classes),
    )

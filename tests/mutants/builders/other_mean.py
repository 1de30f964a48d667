"""MobileNet whose pictures are prepared with a mean of 0.5, as other families' are."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from pte_foundry.models import mobilenet
from pte_foundry.models.definition import ModelDefinition

_MEAN = torch.tensor([0.485, 0.456, 0.406]).reshape(3, 1, 1)
_STD = torch.tensor([0.229, 0.224, 0.225]).reshape(3, 1, 1)


def build(model: str) -> ModelDefinition:
    right = mobilenet.build(model)

    def preprocess(picture: Tensor) -> tuple[Tensor, ...]:
        (prepared,) = right.preprocess(picture)
        return (prepared + (_MEAN - 0.5) / _STD,)

    return replace(right, preprocess=preprocess)

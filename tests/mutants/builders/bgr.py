"""MobileNet whose pictures are prepared with blue first."""

from __future__ import annotations

from dataclasses import replace

from pte_foundry.models import mobilenet
from pte_foundry.models.definition import ModelDefinition


def build(model: str) -> ModelDefinition:
    right = mobilenet.build(model)
    return replace(right, preprocess=lambda picture: right.preprocess(picture.flip(2)))

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pte_foundry.models import ssdlite

NAME = "ssdlite320_mobilenet_v3_large"


@pytest.fixture(scope="module")
def image() -> Tensor:
    return torch.rand(1, 3, 320, 320, generator=torch.Generator().manual_seed(1)) * 2 - 1


def _lively(module: nn.Module) -> None:
    """Weights with which boxes and scores differ from anchor to anchor."""
    generator = torch.Generator().manual_seed(2)
    for parameter in module.parameters():
        if parameter.dim() == 4:
            fan_in = parameter[0].numel()
            parameter.data = torch.randn(parameter.shape, generator=generator) * (2 / fan_in) ** 0.5


def test_boxes_and_scores_are_those_of_torchvision(image: Tensor) -> None:
    # Not at the top of the file: importing ssdlite is what makes torchvision importable.
    from torchvision.models.detection import (  # type: ignore[import-untyped]
        ssdlite320_mobilenet_v3_large,
    )

    original = ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None).eval()
    _lively(original)
    definition = ssdlite.build(NAME)
    definition.module.load_state_dict(definition.adapt_checkpoint(original.state_dict()))
    with torch.no_grad():
        output = definition.module(image)
        heads = original.head(list(original.backbone(image).values()))
        corners = _torchvision_corners(original, image, heads["bbox_regression"][0])
    assert output.shape == (1, 94, 3234)
    centres, sizes = output[0, :2].T, output[0, 2:4].T
    low, high = centres - sizes / 2, centres + sizes / 2
    assert sizes.std() > 1
    assert torch.allclose(torch.cat((low, high), 1), corners, atol=2e-3)
    expected = heads["cls_logits"][0].softmax(-1)[:, 1:]
    assert expected.max() > 0.1
    assert torch.allclose(output[0, 4:].T, expected, atol=1e-6)


def _torchvision_corners(original: Any, image: Tensor, codes: Tensor) -> Tensor:
    from torchvision.models.detection.image_list import (  # type: ignore[import-untyped]
        ImageList,
    )

    features = list(original.backbone(image).values())
    (anchors,) = original.anchor_generator(ImageList(image, [(320, 320)]), features)
    corners: Tensor = original.box_coder.decode_single(codes, anchors)
    return corners


def test_preprocessing_is_torchvisions() -> None:
    from torchvision.models.detection.transform import (  # type: ignore[import-untyped]
        GeneralizedRCNNTransform,
    )

    half = [0.5, 0.5, 0.5]
    transform = GeneralizedRCNNTransform(320, 320, half, half, fixed_size=(320, 320))
    generator = torch.Generator().manual_seed(3)
    picture = torch.randint(0, 256, (211, 407, 3), dtype=torch.uint8, generator=generator)
    images, _ = transform([picture.permute(2, 0, 1).float() / 255])
    (values,) = ssdlite.build(NAME).preprocess(picture)
    assert values.is_contiguous()
    # Half a level of 255, twice as far in [-1, 1].
    assert torch.allclose(values, images.tensors, atol=1 / 255 + 1e-5)


def test_no_constant_is_expected_in_a_checkpoint() -> None:
    names = set(ssdlite.build(NAME).module.state_dict())
    assert {name.split(".")[0] for name in names} == {"backbone", "head"}

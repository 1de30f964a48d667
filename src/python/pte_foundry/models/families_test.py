"""What the builders of all families promise."""

from __future__ import annotations

from types import ModuleType

import pytest
import torch

from pte_foundry.errors import PteError
from pte_foundry.models import mobilenet, pe, ssdlite, yolo


@pytest.mark.parametrize(
    ("builder", "model", "resize"),
    [
        (mobilenet, "mobilenet_v3_small", "256"),
        (pe, "pe_spatial_t16_512", "512x512"),
        (ssdlite, "ssdlite320_mobilenet_v3_large", "320x320"),
    ],
)
def test_the_contract_describes_the_preprocessing(
    builder: ModuleType, model: str, resize: str
) -> None:
    definition = builder.build(model)
    norm = definition.inputs[0].normalisation
    assert norm.scale == "1/255" and resize in norm.resize
    pixel = torch.tensor([10, 100, 200], dtype=torch.uint8)
    (tensor,) = definition.preprocess(pixel.expand(300, 400, 3))
    expected = (pixel / 255 - torch.tensor(norm.mean)) / torch.tensor(norm.std)
    assert torch.allclose(tensor[0, :, 100, 100], expected, atol=1e-6)


@pytest.mark.parametrize(
    "picture",
    [torch.zeros(8, 8, 4, dtype=torch.uint8), torch.zeros(8, 8, 3), torch.zeros(8, 8).byte()],
)
@pytest.mark.parametrize(
    ("builder", "model"),
    [
        (mobilenet, "mobilenet_v3_small"),
        (pe, "pe_core_t16_384"),
        (ssdlite, "ssdlite320_mobilenet_v3_large"),
    ],
)
def test_other_pictures_are_refused(builder: ModuleType, model: str, picture: torch.Tensor) -> None:
    with pytest.raises(PteError, match="^bad-picture: "):
        builder.build(model).preprocess(picture)


@pytest.mark.parametrize(
    ("builder", "known"),
    [
        (mobilenet, "mobilenet_v2, mobilenet_v3_large, mobilenet_v3_small"),
        (pe, "pe_core_b16_224, pe_core_s16_384, pe_core_t16_384, pe_spatial_s16_512"),
        (ssdlite, "ssdlite320_mobilenet_v3_large"),
        (yolo, "yolo11n, yolo11n_pose, yolov5n, yolov8n, yolov8n_pose"),
    ],
)
def test_an_unknown_model_names_the_known_ones(builder: ModuleType, known: str) -> None:
    with pytest.raises(PteError, match=known) as caught:
        builder.build("model_v99")
    assert caught.value.kind == "bad-builder" and "model_v99" in caught.value.message

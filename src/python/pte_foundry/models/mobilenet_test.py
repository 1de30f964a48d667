from __future__ import annotations

import pytest
import torch

from pte_foundry.models import mobilenet


@pytest.mark.parametrize("name", ["mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small"])
def test_shapes_are_as_declared(name: str) -> None:
    definition = mobilenet.build(name)
    assert not definition.module.training
    (contract,) = definition.inputs
    with torch.no_grad():
        assert definition.module(torch.zeros(contract.shape)).shape == (1, 1000)


@pytest.mark.parametrize(
    ("name", "resize"),
    [("mobilenet_v2", 232), ("mobilenet_v3_large", 232), ("mobilenet_v3_small", 256)],
)
@pytest.mark.parametrize("size", [(300, 451), (451, 300), (100, 90)])
def test_preprocessing_is_torchvisions(name: str, resize: int, size: tuple[int, int]) -> None:
    # Not at the top of the file: importing mobilenet is what makes torchvision importable.
    from torchvision.transforms._presets import (  # type: ignore[import-untyped]
        ImageClassification,
    )

    picture = torch.randint(
        0, 256, (*size, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1)
    )
    (tensor,) = mobilenet.build(name).preprocess(picture)
    reference = ImageClassification(crop_size=224, resize_size=resize)(picture.permute(2, 0, 1))
    assert tensor.shape == (1, 3, 224, 224) and tensor.is_contiguous()
    assert tensor.dtype == torch.float32
    assert (tensor[0] - reference).abs().max() < 1e-5


def test_a_checkpoint_that_is_not_a_mapping_is_refused() -> None:
    with pytest.raises(TypeError, match="found a list"):
        mobilenet.build("mobilenet_v2").adapt_checkpoint([])

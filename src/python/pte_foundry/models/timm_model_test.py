from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from pte_foundry.errors import PteError
from pte_foundry.models.timm_model import timm_definition

NAME = "mobilenetv3_small_050.lamb_in1k"


@pytest.mark.parametrize("name", [NAME, "test_vit.r160_in1k", "test_efficientnet.r160_in1k"])
def test_pictures_are_prepared_as_timm_does_it(name: str) -> None:
    # Importable once the builder has prepared torchvision.
    from timm.data.config import resolve_model_data_config
    from timm.data.transforms_factory import create_transform

    definition = timm_definition(name)
    (image,) = definition.inputs
    generator = torch.Generator().manual_seed(0)
    small = torch.randint(0, 256, (1, 3, 12, 16), generator=generator).float()
    smooth = torch.nn.functional.interpolate(small, (480, 640), mode="bicubic").clamp(0, 255)
    picture = smooth[0].permute(1, 2, 0).to(torch.uint8).contiguous()
    (ours,) = definition.preprocess(picture)
    settings = resolve_model_data_config(definition.module)  # type: ignore[no-untyped-call]
    transform = create_transform(**settings)
    theirs = transform(Image.fromarray(np.asarray(picture)))
    assert tuple(ours.shape) == image.shape == (1, *theirs.shape)
    assert ours.is_contiguous()
    # Two levels of 255: Pillow and torchvision round between their passes.
    assert float((ours[0] - theirs).abs().max()) < 2.5 / 255 / 0.22


def test_output_and_values() -> None:
    definition = timm_definition(NAME)
    assert [one.name for one in definition.outputs] == ["logits"]
    with torch.no_grad():
        returned = definition.module(torch.zeros(definition.inputs[0].shape))
    assert returned.shape == (1, 1000)
    state = definition.module.state_dict()
    assert definition.adapt_checkpoint(dict(state)) == state


@pytest.mark.parametrize("name", ["no_such_model.in1k", "mobilenetv3_small_050.no_such_tag"])
def test_names_that_timm_does_not_have(name: str) -> None:
    with pytest.raises(PteError, match="^bad-builder: timm .* has no model") as caught:
        timm_definition(name)
    assert name in caught.value.message

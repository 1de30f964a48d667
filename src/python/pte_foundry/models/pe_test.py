from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from pte_foundry.models import pe
from pte_foundry.models.checkpoints.seeded import initialise
from pte_foundry.models.fixed_inputs import fixed_inputs
from pte_foundry.models.pe import use_portable_tables
from pte_foundry.records.tensor_spec import TensorSpec
from pte_foundry.testing.tiny_pe import SIDE, tiny_spatial

# Parameters of the vision towers; PE-Core's projection has no bias in Meta's files, timm's has one.
_PARAMETERS = {
    "pe_core_t16_384": 6_141_056,
    "pe_core_s16_384": 23_783_168,
    "pe_core_b16_224": 93_673_984,
    "pe_spatial_t16_512": 5_683_200,
    "pe_spatial_s16_512": 21_983_232,
}
_ENDS = {
    "pe_core_t16_384": ("embedding", (1, 512)),
    "pe_core_s16_384": ("embedding", (1, 512)),
    "pe_core_b16_224": ("embedding", (1, 1024)),
    "pe_spatial_t16_512": ("tokens", (1, 1025, 192)),
    "pe_spatial_s16_512": ("tokens", (1, 1025, 384)),
}


@pytest.mark.parametrize("name", sorted(_PARAMETERS))
def test_the_towers_are_those_that_were_published(name: str) -> None:
    definition = pe.build(name)
    side = int(name.rpartition("_")[2])
    (image,), (output,) = definition.inputs, definition.outputs
    assert not definition.module.training
    assert sum(one.numel() for one in definition.module.parameters()) == _PARAMETERS[name]
    assert image.shape == (1, 3, side, side) and output.name == _ENDS[name][0]
    # Shapes need no arithmetic.
    picture = torch.zeros(image.shape, device="meta")
    assert definition.module.to("meta")(picture).shape == _ENDS[name][1]


@pytest.mark.parametrize("name", ["pe_core_t16_384", "pe_spatial_t16_512"])
def test_seeded_weights_give_ordinary_numbers_that_depend_on_the_picture(name: str) -> None:
    definition = pe.build(name)
    inputs = fixed_inputs([TensorSpec("image", "float32", definition.inputs[0].shape)], 2)
    scalings = initialise(definition.module, inputs[0], name).scalings
    # A power of two that another machine could round the other way would change the bits.
    assert min(scaling.margin for scaling in scalings) > 1e-6
    with torch.no_grad():
        first, second = (definition.module(*one) for one in inputs)
    assert 0.1 < first.std() < 10 and 0.1 < second.std() < 10
    assert (first - second).std() > 0.1


def _published(picture: torch.Tensor, side: int) -> torch.Tensor:
    """`get_image_transform` of perception_models, which works on PIL pictures."""
    # Not at the top of the file: importing pe is what makes torchvision importable.
    from torchvision import transforms  # type: ignore[import-untyped]

    transform = transforms.Compose(
        [
            transforms.Resize((side, side), transforms.InterpolationMode.BILINEAR),
            transforms.ToTensor(),
            transforms.Normalize([0.5] * 3, [0.5] * 3),
        ]
    )
    result: torch.Tensor = transform(Image.fromarray(picture.numpy()))
    return result


@pytest.mark.parametrize("size", [(600, 451), (90, 1000), (300, 300)])
def test_preprocessing_is_the_published_one(size: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(1)
    picture = torch.randint(0, 256, (*size, 3), dtype=torch.uint8, generator=generator)
    (tensor,) = pe.build("pe_core_t16_384").preprocess(picture)
    assert tensor.shape == (1, 3, 384, 384) and tensor.is_contiguous()
    assert tensor.dtype == torch.float32
    # torchvision's resize of tensors may round a pixel to the neighbouring level: 2/255.
    assert (tensor[0] - _published(picture, 384)).abs().max() < 2.1 / 255


def _table(tower: nn.Module) -> Tensor:
    return tower.get_buffer("rope.pos_embed")


def test_the_table_is_timms_up_to_rounding() -> None:
    tower = tiny_spatial(patch_size=2)
    before = _table(tower).clone()
    use_portable_tables(tower)
    assert _table(tower).shape == ((SIDE // 2) ** 2, 32) and _table(tower).dtype == torch.float32
    assert not torch.equal(_table(tower), before)
    assert (_table(tower) - before).abs().max() < 2e-6


def test_every_number_is_the_float64_value_rounded_once() -> None:
    tower = tiny_spatial(patch_size=2, ref_feat_shape=None)
    use_portable_tables(tower)
    side, pairs = SIDE // 2, 4  # head_dim 16: 4 frequencies by column, 4 by row, each twice.
    expected = [
        [
            function((position + 1) * 10000.0 ** (-index / pairs))
            for function in (math.sin, math.cos)
            for position in (column, row)
            for index in range(pairs)
            for _ in range(2)
        ]
        for row in range(side)
        for column in range(side)
    ]
    assert torch.equal(_table(tower), torch.tensor(expected, dtype=torch.float64).float())


def test_other_rotations_are_refused() -> None:
    others: tuple[dict[str, Any], ...] = ({"use_rot_pos_emb": False}, {"rope_type": "mixed"})
    for changes in others:
        with pytest.raises(TypeError, match="expected timm's RotaryEmbeddingCat"):
            use_portable_tables(tiny_spatial(**changes))

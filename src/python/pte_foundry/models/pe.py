"""Perception Encoder (PE) vision towers as timm builds them, from Meta's checkpoints.

PE-Core ends in one embedding of the picture, to be compared with those of a text tower; PE-Spatial
ends in one token per patch, for dense tasks (Bolya et al., "Perception Encoder: The best visual
embeddings are not at the output of the network", arXiv:2504.13181).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pte_foundry.models.definition import (
    ModelDefinition,
    OutputContract,
    check_picture,
    image_input,
    unknown_model,
)
from pte_foundry.models.pe_checkpoint import vision_state
from pte_foundry.models.torchvision_cpu import prepare_torchvision

prepare_torchvision()

from timm.layers.pos_embed_sincos import (  # noqa: E402
    RotaryEmbeddingCat,
    build_rotary_pos_embed,
)
from timm.models import eva  # noqa: E402
from torchvision.transforms.functional import (  # type: ignore[import-untyped]  # noqa: E402
    normalize,
    resize,
)

_MEAN = (0.5, 0.5, 0.5)
_STD = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class _Variant:
    """One line of the model table.

    Attributes:
        architecture: timm's constructor.
        side: height and width of the input, pixels.
        embedding: length of the embedding that the pooled tokens are projected to; 0 for a model
            that ends in its tokens.
    """

    architecture: Callable[..., nn.Module]
    side: int
    embedding: int


_VARIANTS: Mapping[str, _Variant] = {
    "pe_core_b16_224": _Variant(eva.vit_pe_core_base_patch16_224, 224, 1024),
    "pe_core_s16_384": _Variant(eva.vit_pe_core_small_patch16_384, 384, 512),
    "pe_core_t16_384": _Variant(eva.vit_pe_core_tiny_patch16_384, 384, 512),
    "pe_spatial_s16_512": _Variant(eva.vit_pe_spatial_small_patch16_512, 512, 0),
    "pe_spatial_t16_512": _Variant(eva.vit_pe_spatial_tiny_patch16_512, 512, 0),
}


def build(model: str) -> ModelDefinition:
    """Input `image`: float32 [1, 3, side, side].

    Output of PE-Core: `embedding`, float32 [1, 512] (T, S) or [1, 1024] (B).
    Output of PE-Spatial: `tokens`, float32 [1, 1025, 192] (T) or [1, 1025, 384] (S).

    Raises:
        PteError: `bad-builder` for an unknown model.
    """
    variant = _VARIANTS.get(model)
    if variant is None:
        raise unknown_model(__name__, model, _VARIANTS)
    module = _architecture(variant)
    return ModelDefinition(
        module=module,
        inputs=(
            image_input(
                variant.side,
                f"to {variant.side}x{variant.side} whatever the aspect ratio, bilinear "
                "with antialiasing",
                _MEAN,
                _STD,
            ),
        ),
        outputs=(_output(variant),),
        adapt_checkpoint=lambda content: vision_state(content, module),
        preprocess=lambda picture: _preprocess(picture, variant.side),
    )


def _architecture(variant: _Variant) -> nn.Module:
    # Without these, timm's constructors end in no projection, or in the mean of the tokens.
    ending = {} if variant.embedding else {"global_pool": ""}
    module = variant.architecture(pretrained=False, num_classes=variant.embedding, **ending)
    use_portable_tables(module)
    return module.eval()


def use_portable_tables(tower: nn.Module) -> None:
    """Replace the sine and cosine table of a timm tower, float32 [patches, 2 * head_dim], in place.

    timm computes angles, sines and cosines in float32, whose last bits depend on the C library and on
    the CPU's vector units; the tables go into the `.pte`. Computed in float64 and rounded once, they
    differ only if a value lies within 2**-52 or so of a rounding boundary of float32.

    The frequencies are `temperature ** (-i / n)` for i in [0, n), n = head_dim / 4, as in
    `timm.layers.pos_embed_sincos.freq_bands`.

    Raises:
        TypeError: if the tower's `rope` is not a cached table of that kind.
    """
    rope = tower.rope
    if not isinstance(rope, RotaryEmbeddingCat) or rope.pos_embed is None or rope.in_pixels:
        raise TypeError(f"expected timm's RotaryEmbeddingCat with a table, found {rope}")
    count = len(rope.bands)
    bands = [float(rope.temperature) ** (-index / count) for index in range(count)]
    sines, cosines = build_rotary_pos_embed(
        rope.feat_shape,
        bands=torch.tensor(bands, dtype=torch.float64),
        in_pixels=False,
        ref_feat_shape=rope.ref_feat_shape,
        grid_offset=rope.grid_offset,
        grid_indexing=rope.grid_indexing,
        rotate_half=rope.rotate_half,
        dtype=torch.float32,
    )
    rope.pos_embed.copy_(torch.cat([sines, cosines], -1))


def _output(variant: _Variant) -> OutputContract:
    if variant.embedding:
        return OutputContract(
            "embedding",
            f"{variant.embedding} numbers after attention pooling and projection, not normalised: "
            "divide by the Euclidean norm before comparing with a text embedding",
        )
    patches = variant.side // 16
    return OutputContract(
        "tokens",
        f"the class token, then {patches}x{patches} patch tokens by rows, as Meta's "
        "`forward_features` gives them; drop the first for a map of features",
    )


def _preprocess(picture: Tensor, side: int) -> tuple[Tensor, ...]:
    """PE's published transform: uint8 [H, W, 3] -> float32 [1, 3, side, side].

    It is `get_image_transform` of Meta's perception_models, core/vision_encoder/transforms.py:
    bilinear (as in training, where timm's configuration says bicubic), no crop.

    Raises:
        PteError: `bad-picture` for any other shape or element type.
    """
    check_picture(picture)
    pixels = resize(picture.permute(2, 0, 1).unsqueeze(0), [side, side], antialias=True)
    values = normalize(pixels.float().div(255.0), list(_MEAN), list(_STD))
    # The permuted picture has channels-last strides, which would survive down to the runtime.
    return (values.contiguous(),)

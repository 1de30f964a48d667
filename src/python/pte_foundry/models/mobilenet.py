"""MobileNet image classifiers as torchvision builds them, with ImageNet's 1000 classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from pte_foundry.models.definition import (
    ModelDefinition,
    OutputContract,
    bare_state_dict,
    check_picture,
    image_input,
    unknown_model,
)
from pte_foundry.models.torchvision_cpu import prepare_torchvision

prepare_torchvision()

import torchvision  # type: ignore[import-untyped]  # noqa: E402
from torchvision.transforms.functional import (  # type: ignore[import-untyped]  # noqa: E402
    center_crop,
    normalize,
    resize,
)

_CROP = 224
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class _Variant:
    """One line of the model table.

    Attributes:
        resize: length of the shorter side before the centre crop, from the `transforms` of the
            torchvision weights enum that the pinned checkpoint belongs to.
    """

    architecture: Callable[..., nn.Module]
    resize: int


_VARIANTS: Mapping[str, _Variant] = {
    # mobilenet_v2-7ebf99e0.pth is IMAGENET1K_V2.
    "mobilenet_v2": _Variant(torchvision.models.mobilenet_v2, 232),
    # mobilenet_v3_large-5c1a4163.pth is IMAGENET1K_V2.
    "mobilenet_v3_large": _Variant(torchvision.models.mobilenet_v3_large, 232),
    # mobilenet_v3_small-047dcff4.pth is IMAGENET1K_V1.
    "mobilenet_v3_small": _Variant(torchvision.models.mobilenet_v3_small, 256),
}


def build(model: str) -> ModelDefinition:
    """Input `image`: float32 [1, 3, 224, 224]. Output `logits`: float32 [1, 1000].

    Raises:
        PteError: `bad-builder` for an unknown model.
    """
    variant = _VARIANTS.get(model)
    if variant is None:
        raise unknown_model(__name__, model, _VARIANTS)
    return ModelDefinition(
        module=variant.architecture(weights=None).eval(),
        inputs=(
            image_input(
                _CROP,
                f"shorter side to {variant.resize}, bilinear with antialiasing, "
                f"then centre crop {_CROP}x{_CROP}",
                _MEAN,
                _STD,
            ),
        ),
        outputs=(
            OutputContract(
                "logits", "one score per ImageNet class, in the order of labels.txt, before softmax"
            ),
        ),
        adapt_checkpoint=bare_state_dict,
        preprocess=lambda picture: _preprocess(picture, variant.resize),
    )


def _preprocess(picture: Tensor, shorter_side: int) -> tuple[Tensor, ...]:
    """torchvision's `ImageClassification` preset: uint8 [H, W, 3] -> float32 [1, 3, 224, 224].

    Raises:
        PteError: `bad-picture` for any other shape or element type.
    """
    check_picture(picture)
    pixels = picture.permute(2, 0, 1).unsqueeze(0)
    pixels = center_crop(resize(pixels, [shorter_side], antialias=True), [_CROP, _CROP])
    values = normalize(pixels.float().div(255.0), list(_MEAN), list(_STD))
    # The permuted picture has channels-last strides, which would survive down to the runtime.
    return (values.contiguous(),)

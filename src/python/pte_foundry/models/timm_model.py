"""Models of timm by name, prepared as timm's own configuration of their weights says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from pte_foundry.errors import PteError, reason_of
from pte_foundry.models.definition import (
    InputContract,
    ModelDefinition,
    Normalisation,
    OutputContract,
    check_picture,
)
from pte_foundry.models.own.state_dict import plain_state_dict
from pte_foundry.models.torchvision_cpu import prepare_torchvision

prepare_torchvision()

import timm  # noqa: E402
from torchvision.transforms.functional import (  # type: ignore[import-untyped]  # noqa: E402
    InterpolationMode,
    center_crop,
    normalize,
    resize,
)

_CROPS = {
    "center": "shorter side to {scaled} ({interpolation}), then the centre {side}x{side}",
    "squash": "{scaled}x{scaled} without regard to proportions ({interpolation}), then the centre {side}x{side}",
}


def timm_definition(name: str) -> ModelDefinition:
    """Input `image`: float32 [1, 3, side, side]; output `logits`, or `features` of a model without classes.

    Args:
        name: with the tag of its weights, e.g. `mobilenetv4_conv_small.e2400_r224_in1k`.

    Raises:
        PteError: `bad-builder` for a name that timm does not have, and for preprocessing that is not known.
    """
    try:
        module: nn.Module = timm.create_model(name, pretrained=False)
    except RuntimeError as error:
        raise PteError(
            "bad-builder",
            f"timm {timm.__version__} has no model {name!r}: {reason_of(error)}. Correct the name: "
            "https://huggingface.co/timm lists them, with the tags of their weights",
        ) from error
    configuration: Mapping[str, Any] = module.pretrained_cfg  # type: ignore[assignment]
    channels, side, width = configuration["input_size"]
    crop = configuration.get("crop_mode") or "center"
    if channels != 3 or side != width or crop not in _CROPS:
        raise PteError(
            "bad-builder",
            f"timm's {name!r} takes pictures of {channels}x{side}x{width}, crop mode {crop!r}. This builder knows 3 "
            f"channels, squares, and {' and '.join(_CROPS)}: write one for it by hand",
        )
    scaled = math.floor(side / configuration["crop_pct"])
    interpolation = configuration["interpolation"]
    words = _CROPS[crop].format(scaled=scaled, side=side, interpolation=interpolation)
    mean, std = tuple(configuration["mean"]), tuple(configuration["std"])

    def preprocess(picture: Tensor) -> tuple[Tensor, ...]:
        """uint8 [H, W, 3] -> float32 [1, 3, side, side]; `bad-picture` as `check_picture`."""
        check_picture(picture)
        pixels = picture.permute(2, 0, 1).unsqueeze(0)
        size = [scaled] if crop == "center" else [scaled, scaled]
        pixels = resize(pixels, size, InterpolationMode(interpolation), antialias=True)
        pixels = center_crop(pixels, [side, side]).float().div(255.0)
        # The permuted picture has channels-last strides, which would survive down to the runtime.
        return (normalize(pixels, list(mean), list(std)).contiguous(),)

    return ModelDefinition(
        module=module.eval(),
        inputs=(
            InputContract(
                "image", (1, 3, side, side), "NCHW", Normalisation("1/255", mean, std, "RGB", words)
            ),
        ),
        outputs=(_output(module),),
        adapt_checkpoint=plain_state_dict,
        preprocess=preprocess,
    )


def _output(module: nn.Module) -> OutputContract:
    classes = getattr(module, "num_classes", 0)
    if classes:
        return OutputContract("logits", f"one score for each of {classes} classes, before softmax")
    return OutputContract("features", "what the model gives without a classifier")

"""torchvision's SSDLite object detector with a MobileNetV3-large backbone, and COCO's 90 category numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

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

from torchvision.models.detection import (  # type: ignore[import-untyped]  # noqa: E402
    ssdlite320_mobilenet_v3_large,
)
from torchvision.models.detection.image_list import (  # type: ignore[import-untyped]  # noqa: E402
    ImageList,
)
from torchvision.transforms.functional import normalize  # type: ignore[import-untyped]  # noqa: E402

_NAME = "ssdlite320_mobilenet_v3_large"
_SIDE = 320
_MEAN = _STD = (0.5, 0.5, 0.5)
_BOX = 4
# Of centres and of sizes: the weights (10, 10, 5, 5) and the clip of `BoxCoder` in torchvision.models.detection.
_CENTRE_STEP = 1 / 10
_SIZE_STEP = 1 / 5
_LARGEST_STEP = math.log(1000 / 16)
_DETECTIONS = (
    "for each of 3234 anchors: centre x, centre y, width and height of the box in pixels of the 320x320 input, then "
    "one score within 0 and 1 for each line of labels.txt. A softmax over these classes and the background, which is "
    "left out. Not sorted, no threshold, no clipping, no non-maximum suppression"
)


class SsdliteDetector(nn.Module):
    """The network of a torchvision `SSD`, with its boxes decoded and its scores computed in the graph.

    float32 [1, 3, 320, 320], normalised -> float32 [1, 4 + classes, anchors], in the form of the YOLO models.
    """

    centres: Tensor
    sizes: Tensor
    centre_steps: Tensor

    # Any: torchvision has no types.
    def __init__(self, detector: Any) -> None:
        super().__init__()
        # Under the names of the official checkpoint.
        self.backbone: Any = detector.backbone
        self.head: Any = detector.head
        self._classes: int = detector.head.classification_head.num_columns
        centres, sizes = _anchors(detector)
        self.register_buffer("centres", centres, persistent=False)
        self.register_buffer("sizes", sizes, persistent=False)
        self.register_buffer("centre_steps", sizes * _CENTRE_STEP, persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        features = list(self.backbone(image).values())
        codes = _rows(self.head.regression_head.module_list, features, _BOX)
        logits = _rows(self.head.classification_head.module_list, features, self._classes)
        scores = logits.softmax(-1)[..., 1:]
        centres = codes[..., :2] * self.centre_steps + self.centres
        sizes = (codes[..., 2:] * _SIZE_STEP).clamp(max=_LARGEST_STEP).exp() * self.sizes
        return torch.cat((centres, sizes, scores), -1).transpose(1, 2)


def _rows(blocks: Iterable[nn.Module], features: Iterable[Tensor], columns: int) -> Tensor:
    """[1, anchors, columns]: one row for each anchor of each cell, as `SSDScoringHead` arranges them."""
    levels = (block(feature) for block, feature in zip(blocks, features))
    return torch.cat([level.permute(0, 2, 3, 1).reshape(1, -1, columns) for level in levels], 1)


def _anchors(detector: Any) -> tuple[Tensor, Tensor]:
    """Centres and sizes of torchvision's own anchors, float32 [1, anchors, 2], in pixels."""
    picture = torch.zeros(1, 3, _SIDE, _SIDE)
    with torch.no_grad():
        features = list(detector.backbone(picture).values())
        (corners,) = detector.anchor_generator(ImageList(picture, [(_SIDE, _SIDE)]), features)
    low, high = corners[None, :, :2], corners[None, :, 2:]
    return (low + high) / 2, high - low


def build(model: str) -> ModelDefinition:
    """Input `image`: float32 [1, 3, 320, 320]. Output `detections`: float32 [1, 94, 3234].

    Raises:
        PteError: `bad-builder` for an unknown model.
    """
    if model != _NAME:
        raise unknown_model(__name__, model, (_NAME,))
    detector = ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None).eval()
    return ModelDefinition(
        module=SsdliteDetector(detector).eval(),
        inputs=(
            image_input(
                _SIDE,
                f"to {_SIDE}x{_SIDE} whatever the aspect ratio, bilinear, no antialiasing",
                _MEAN,
                _STD,
            ),
        ),
        outputs=(OutputContract("detections", _DETECTIONS),),
        adapt_checkpoint=bare_state_dict,
        preprocess=_preprocess,
    )


def _preprocess(picture: Tensor) -> tuple[Tensor, ...]:
    """uint8 [H, W, 3] -> float32 [1, 3, 320, 320].

    As `GeneralizedRCNNTransform` of torchvision does it for a fixed size, except that the resized picture has 8 bits
    again, as in an app: a value may differ from torchvision's by half a level.

    Raises:
        PteError: `bad-picture` for any other shape or element type.
    """
    check_picture(picture)
    pixels = picture.permute(2, 0, 1).unsqueeze(0).float()
    levels = interpolate(pixels, (_SIDE, _SIDE), mode="bilinear", align_corners=False).round()
    # The permuted picture has channels-last strides, which would survive down to the runtime.
    return (normalize(levels.div(255.0), list(_MEAN), list(_STD)).contiguous(),)

"""`levelwise_detection` for the other heads of ultralytics: with masks, with rotated boxes, and those of YOLO26.

The cells of a `Segment` also have factors of masks, and prototypes are what they are factors of. An `OBB` turns the way
from the cell's centre to the box's by an angle, which a branch of its own predicts. YOLO26 codes key points and angles
in another way.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from pte_foundry.rewrites.levelwise_detection import (
    KeyPoints,
    LevelwiseDetection,
    check_head,
    level_sizes,
)
from pte_foundry.rewrites.surgery import child, class_name, number, refuse, replace
from pte_foundry.rewrites.weights import convolution

HEADS = ("Detect", "Segment", "Segment26", "Pose", "Pose26", "OBB", "OBB26")
# By rows: (x, y, width, height) becomes (-y, x, 0, 0).
_QUARTER_TURN = ((0, -1, 0, 0), (1, 0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0))

Mean = Callable[[int], nn.Module]


class MaskFactors(nn.Module):
    """A map of one level [1, C_l, H_l, W_l] -> [1, masks, H_l, W_l]."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.branches = child(head, "cv4", nn.ModuleList)

    def forward(self, x: Tensor, level: int) -> Tensor:
        factors: Tensor = self.branches[level](x)
        return factors


class DirectKeyPoints(KeyPoints):
    """As `KeyPoints`, of a `Pose26`: x = (a + column + 0.5) * stride, y = (b + row + 0.5) * stride."""

    def __init__(self, head: nn.Module, sizes: list[tuple[int, int]], strides: list[float]) -> None:
        super().__init__(head, sizes, strides, factor=1.0, start=0.5)
        last = child(head, "cv4_kpts", nn.ModuleList)
        self.branches = nn.ModuleList(map(nn.Sequential, self.branches, last))


class Segmentation(nn.Module):
    """Maps of each level -> [1, 4 + classes + masks, cells] and prototypes [1, masks, 2 * H_0, 2 * W_0]."""

    def __init__(self, detection: LevelwiseDetection, head: nn.Module) -> None:
        super().__init__()
        detection.points = MaskFactors(head)
        detection.outputs += number(head, "nm")
        self.detection = detection
        self.prototypes = child(head, "proto", nn.Module)
        self.of_all_levels = class_name(head) == "Segment26"

    def forward(self, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
        return self.detection(maps), self.prototypes(maps if self.of_all_levels else maps[0])


class RotatedDetection(LevelwiseDetection):
    """Maps of each level -> [1, 4 + classes + 1, cells]; the angle is last.

    With (x, y) from the cell's centre to the box's before it is turned by the angle t, it is afterwards

        (x, y) * cos(t) + (-y, x) * sin(t)
    """

    def __init__(self, head: nn.Module, sizes: list[tuple[int, int]], mean: Mean) -> None:
        super().__init__(head, sizes, mean)
        self.angle_branches = child(head, "cv4", nn.ModuleList)
        if number(head, "ne") != 1:
            raise refuse("levelwise detection: a rotated box has more than one angle")
        self.outputs += 1
        self.of_logits = class_name(head) == "OBB"
        turn = torch.tensor(_QUARTER_TURN, dtype=torch.float32)
        self.quarter_turn = convolution(turn[:, :, None, None], None)
        self.register_buffer("centre", torch.tensor([1.0, 1.0, 0.0, 0.0]).reshape(1, 4, 1, 1))
        self.register_buffer("extent", torch.tensor([0.0, 0.0, 1.0, 1.0]).reshape(1, 4, 1, 1))

    def forward(self, maps: list[Tensor]) -> Tensor:
        levels = []
        for level, x in enumerate(maps):
            angle = self.angle_branches[level](x)
            if self.of_logits:
                angle = (torch.sigmoid(angle) - 0.25) * math.pi
            straight = self.to_pixels[level](self.sides(x, level))
            kept = torch.cos(angle) * self.get_buffer("centre") + self.get_buffer("extent")
            turned = straight * kept + self.quarter_turn(straight) * torch.sin(angle)
            scores = torch.sigmoid(self.class_branches[level](x))
            parts = [self.placed(turned, level), scores, angle]
            levels.append(torch.cat(parts, 1).reshape(1, self.outputs, -1))
        return torch.cat(levels, 2)


def decode_heads(module: nn.Module, example_inputs: tuple[Tensor, ...], mean: Mean) -> nn.Module:
    """A copy of `module` whose head, one of `HEADS`, decodes level by level; the caller compares it with `module`.

    Raises:
        PteError: `bad-rewrite` if there is not one such head, or it gives something else.
    """
    rewritten = copy.deepcopy(module)
    found = [path for path, layer in rewritten.named_modules() if class_name(layer) in HEADS]
    if len(found) != 1:
        raise refuse(f"levelwise heads: the model has {len(found)} of {', '.join(HEADS)}, not one")
    head = rewritten.get_submodule(found[0])
    check_head(head)
    sizes = level_sizes(rewritten, head, example_inputs)
    replace(rewritten, found[0], _decoding(head, sizes, mean))
    return rewritten


def _decoding(head: nn.Module, sizes: list[tuple[int, int]], mean: Mean) -> nn.Module:
    kind = class_name(head)
    if kind.startswith("OBB"):
        return RotatedDetection(head, sizes, mean)
    detection = LevelwiseDetection(head, sizes, mean)
    if kind.startswith("Segment"):
        return Segmentation(detection, head)
    if kind == "Pose26":
        strides: Any = head.stride
        points = DirectKeyPoints(head, sizes, strides.tolist())
        detection.points = points
        detection.outputs += points.channels
    return detection

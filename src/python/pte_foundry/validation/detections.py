"""From a detector's raw output to boxes: what an app does with it.

The thresholds are those of `ultralytics predict` (ultralytics/cfg/default.yaml of 8.4: `iou: 0.7`,
`conf` 0.25), which is what people compare a detector's answers with.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pte_foundry.errors import PteError

NMS_IOU = 0.7
"""Of two boxes of one class that overlap by more, the one with the lower score is dropped."""

MIN_SCORE = 0.25
"""What scores less is no detection."""

BOX = 4
"""Rows of a cell: centre x, centre y, width, height."""


@dataclass(frozen=True)
class Detections:
    """Boxes by descending score; equal scores in the order of their cells.

    Attributes:
        boxes: float64 [count, 4]: left, top, right, bottom, in pixels of the model's input.
        scores: float64 [count], within 0 and 1.
        classes: int64 [count].
    """

    boxes: Tensor
    scores: Tensor
    classes: Tensor

    def __len__(self) -> int:
        return int(self.scores.numel())


def decode(output: Tensor, min_score: float = MIN_SCORE) -> Detections:
    """The detections in a raw output, after non-maximum suppression class by class.

    Args:
        output: [1, 4 + classes, cells]: centre x, centre y, width, height in pixels, then one score
            within 0 and 1 for each class. A cell is of the class of its greatest score.
        min_score: cells that score less, or just this, are dropped, as ultralytics does.

    Raises:
        PteError: `task` for an output of another form.
    """
    if output.dim() != 3 or output.shape[0] != 1 or output.shape[1] <= BOX:
        raise PteError(
            "task",
            f"the first output has shape {list(output.shape)}, not [1, {BOX} + classes, cells]: "
            "it cannot be read as detections. Remove the checks of detections from the test",
        )
    values = output[0].detach().to(torch.float64)
    scores, classes = values[BOX:].max(0)
    if bool((values[BOX:] < 0).any()) or bool((values[BOX:] > 1).any()):
        raise PteError(
            "task",
            f"the first output has scores from {float(values[BOX:].min()):.3g} to "
            f"{float(values[BOX:].max()):.3g}, which are no scores within 0 and 1",
        )
    kept = scores > min_score
    scores, classes, boxes = scores[kept], classes[kept], _corners(values[:BOX, kept].T)
    order = scores.argsort(descending=True, stable=True)
    scores, classes, boxes = scores[order], classes[order], boxes[order]
    best = _suppress(boxes, classes)
    return Detections(boxes[best], scores[best], classes[best])


def intersection_over_union(boxes: Tensor, others: Tensor) -> Tensor:
    """[n, 4] and [m, 4] of left, top, right, bottom -> [n, m] within 0 and 1; 0 for empty boxes."""
    low = torch.maximum(boxes[:, None, :2], others[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(2)
    union = _areas(boxes)[:, None] + _areas(others)[None] - shared
    return torch.where(union > 0, shared / union, torch.zeros_like(union))


def _areas(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(1)


def _corners(boxes: Tensor) -> Tensor:
    """[n, 4] of centre x, centre y, width, height -> left, top, right, bottom."""
    centres, halves = boxes[:, :2], boxes[:, 2:] / 2
    return torch.cat((centres - halves, centres + halves), 1)


def _suppress(boxes: Tensor, classes: Tensor) -> list[int]:
    """Positions of the boxes to keep, of boxes sorted by descending score."""
    rivals = intersection_over_union(boxes, boxes) > NMS_IOU
    rivals &= classes[:, None] == classes[None]
    kept: list[int] = []
    for position in range(len(boxes)):
        if not rivals[position, kept].any():
            kept.append(position)
    return kept

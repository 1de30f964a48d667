"""From a detector's raw output to the boxes that mean average precision is measured on (NumPy only).

Validators keep more than apps do: boxes of next to no score, and of one cell a box for each of its classes. So does
this one, with the settings of ultralytics' (`conf` 0.001, `iou` 0.7, `max_det` 300, `multi_label`), for numbers that
compare with published ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pte_foundry.errors import PteError
from pte_foundry.evaluation.task import Task

MIN_SCORE = 0.001
MAX_OVERLAP = 0.7
MOST = 300
"""Detections of a picture."""
_MOST_CANDIDATES = 30_000
_BOX = 4

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Detections:
    """By descending score; equal scores in the order of cells, then of classes.

    Attributes:
        boxes: float64 [n, 4]: left, top, right, bottom.
        scores: float64 [n].
        classes: int64 [n].
        points: float64 [n, points, numbers]: x, y and perhaps a visibility; [n, 0, numbers] without key points.
    """

    boxes: Array
    scores: Array
    classes: npt.NDArray[np.int64]
    points: Array


def decode(output: npt.NDArray[np.float32], task: Task) -> Detections:
    """float32 [1, 4 + classes + points * numbers, cells] -> detections in pixels of the model's input.

    Raises:
        PteError: `task` for an output of another shape, or with numbers that are not finite.
    """
    first = _BOX + task.classes
    rows = first + task.points * task.numbers
    if output.ndim != 3 or output.shape[:2] != (1, rows):
        raise PteError("task", f"the output has shape {list(output.shape)}, not [1, {rows}, cells]")
    if not np.isfinite(output).all():
        raise PteError("task", "the output has numbers that are not finite")
    values = output[0].T.astype(np.float64)
    scores = values[:, _BOX:first]
    cells, classes = np.nonzero(scores > MIN_SCORE)
    found = scores[cells, classes]
    order = np.argsort(-found, kind="stable")[:_MOST_CANDIDATES]
    cells, classes, found = cells[order], classes[order], found[order]
    centres, halves = values[cells, :2], values[cells, 2:_BOX] / 2
    boxes = np.concatenate([centres - halves, centres + halves], 1)
    kept = _suppress(boxes, classes) if task.suppress else np.arange(len(found))[:MOST]
    points = values[cells[kept], first:].reshape(len(kept), task.points, task.numbers)
    return Detections(boxes[kept], found[kept], classes[kept], points)


def _suppress(boxes: Array, classes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Positions of the boxes to keep, of boxes by descending score: the first `MOST`."""
    areas = (boxes[:, 2:] - boxes[:, :2]).clip(0).prod(1)
    left = np.arange(len(boxes))
    kept: list[int] = []
    while len(left) and len(kept) < MOST:
        best, left = int(left[0]), left[1:]
        kept.append(best)
        low = np.maximum(boxes[left, :2], boxes[best, :2])
        high = np.minimum(boxes[left, 2:], boxes[best, 2:])
        shared = (high - low).clip(0).prod(1)
        rival = shared > MAX_OVERLAP * (areas[left] + areas[best] - shared)
        left = left[~(rival & (classes[left] == classes[best]))]
    return np.array(kept, dtype=np.int64)


def to_picture(
    found: Detections, letterbox: bool, size: tuple[int, int], input_size: tuple[int, int]
) -> Detections:
    """Scaled back to the picture, and boxes cut off at its edges.

    Args:
        size: height and width of the picture.
        input_size: height and width of the model's input.
    """
    (high, wide), (height, width) = size, input_size
    if letterbox:
        factor = min(height / high, width / wide)
        rows, columns = round(high * factor), round(wide * factor)
        # As `pte_foundry.models.letterbox`: of an odd border, the greater part is below and to the right.
        offset = np.array([(width - columns) // 2, (height - rows) // 2], dtype=np.float64)
        scale = np.array([factor, factor])
    else:
        offset, scale = np.zeros(2), np.array([width / wide, height / high])
    boxes = ((found.boxes.reshape(-1, 2, 2) - offset) / scale).clip(0, [wide, high])
    points = found.points.copy()
    points[..., :2] = (points[..., :2] - offset) / scale
    return Detections(boxes.reshape(-1, 4), found.scores, found.classes, points)

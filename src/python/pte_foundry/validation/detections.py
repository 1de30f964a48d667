"""From a detector's raw output to boxes, and how many of the eager model's a program finds again or invents.

Boxes are made as in an app, with the thresholds of `ultralytics predict` (ultralytics/cfg/default.yaml of 8.4:
`iou: 0.7`, `conf` 0.25), with which people compare a detector's answers.

A detection counts if it scores more than `COUNTED_SCORE`. Its counterpart on the other side need only
score more than `MIN_SCORE`: a detection that scores 0.41 here and 0.39 there has been found by both, and
must not count as lost in one direction and invented in the other. A counterpart has the same class and
overlaps by at least `SAME_BOX_IOU`; no box is the counterpart of two. Boxes are matched by descending
score, each with the unmatched box that overlaps most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from pte_foundry.errors import PteError
from pte_foundry.records.trained_checks import TrainedChecks
from pte_foundry.validation.case import Bound, Outcome, bounds_of
from pte_foundry.validation.parity import Comparison

NMS_IOU = 0.7
"""Of two boxes of one class that overlap by more, the one with the lower score is dropped."""

MIN_SCORE = 0.25
"""What scores less is not a detection."""

BOX = 4
"""Rows of a cell: centre x, centre y, width, height. The scores follow, then the numbers of key points, if any."""


@dataclass(frozen=True)
class Detections:
    """Boxes by descending score; equal scores in the order of their cells.

    Attributes:
        boxes: float64 [count, 4]: left, top, right, bottom, in pixels of the model's input.
        scores: float64 [count], between 0 and 1.
        classes: int64 [count].
    """

    boxes: Tensor
    scores: Tensor
    classes: Tensor

    def __len__(self) -> int:
        return int(self.scores.numel())


def decode(output: Tensor, min_score: float = MIN_SCORE, classes: int | None = None) -> Detections:
    """The detections in a raw output, after non-maximum suppression class by class.

    Args:
        output: [1, 4 + classes, cells]: centre x, centre y, width, height in pixels, then one score
            between 0 and 1 for each class. A cell has the class of its greatest score.
        min_score: cells that score this or less are dropped, as in ultralytics.
        classes: rows after their scores are key points; None if all rows are scores.

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
    of_classes = values[BOX:] if classes is None else values[BOX : BOX + classes]
    scores, best = of_classes.max(0)
    if bool((of_classes < 0).any()) or bool((of_classes > 1).any()):
        raise PteError(
            "task",
            f"the first output has scores from {float(of_classes.min()):.3g} to "
            f"{float(of_classes.max()):.3g}, which are not between 0 and 1",
        )
    kept = scores > min_score
    scores, best, boxes = scores[kept], best[kept], _corners(values[:BOX, kept].T)
    order = scores.argsort(descending=True, stable=True)
    scores, best, boxes = scores[order], best[order], boxes[order]
    left = _suppress(boxes, best)
    return Detections(boxes[left], scores[left], best[left])


def intersection_over_union(boxes: Tensor, others: Tensor) -> Tensor:
    """[n, 4] and [m, 4] of left, top, right, bottom -> [n, m] between 0 and 1; 0 for empty boxes."""
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


COUNTED_SCORE = 0.4
"""Between the 0.25 above which `ultralytics predict` shows a box and the 0.5 or more of unmistakable objects."""

SAME_BOX_IOU = 0.8
"""Far above the 0.5 at which COCO and VOC accept a box: for the same computation twice, boxes should hardly move."""

MIN_PHOTOGRAPHS = 8
"""Fewer have too few detections for a share of them to mean anything; where none may be lost, one is enough."""


@dataclass(frozen=True)
class DetectionMatch:
    """Detections of one photograph, or of several together.

    Attributes:
        counted: detections of the eager model that score more than `COUNTED_SCORE`.
        matched: those of them that have a counterpart among the program's.
        extra: detections of the program that score more than `COUNTED_SCORE` and have no
            counterpart among the eager model's.
        score_difference: the greatest absolute difference between the scores of a counted detection
            and its counterpart; 0 without any.
        least_iou: the least overlap of the two boxes; 1 without any.
    """

    counted: int
    matched: int
    extra: int
    score_difference: float
    least_iou: float = 1.0

    def __add__(self, other: DetectionMatch) -> DetectionMatch:
        return DetectionMatch(
            self.counted + other.counted,
            self.matched + other.matched,
            self.extra + other.extra,
            max(self.score_difference, other.score_difference),
            min(self.least_iou, other.least_iou),
        )


def match_detections(found: Detections, expected: Detections) -> DetectionMatch:
    """Compare the program's detections with the eager model's, both of at least `MIN_SCORE`."""
    matched = _counterparts(expected, found)
    here, there = list(matched), list(matched.values())
    differences = (expected.scores[here] - found.scores[there]).abs().tolist()
    overlaps = intersection_over_union(expected.boxes[here], found.boxes[there]).diagonal().tolist()
    return DetectionMatch(
        counted=_counted(expected),
        matched=len(matched),
        extra=_counted(found) - len(_counterparts(found, expected)),
        score_difference=max(differences, default=0.0),
        least_iou=min(overlaps, default=1.0),
    )


def detection_outcome(
    comparisons: Sequence[Comparison], checks: TrainedChecks, classes: int | None = None
) -> Outcome:
    """Hold all photographs together to the thresholds; `classes` as for `decode`.

    Raises:
        PteError: `task` for fewer than `MIN_PHOTOGRAPHS` photographs, unless every detection has to
            be found and none invented, for photographs on which the eager model detects nothing,
            and for outputs that are not detections.
    """
    if checks.allows_losses and len(comparisons) < MIN_PHOTOGRAPHS:
        raise PteError(
            "task",
            f"detections are compared over at least {MIN_PHOTOGRAPHS} photographs, but there are "
            f"{len(comparisons)}. Add some to the test's `photographs`",
        )
    each = {
        comparison.name: match_detections(
            decode(comparison.found, classes=classes), decode(comparison.expected, classes=classes)
        )
        for comparison in comparisons
    }
    total = DetectionMatch(0, 0, 0, 0.0)
    for match in each.values():
        total += match
    if total.counted == 0:
        raise PteError(
            "task",
            f"the eager model detects nothing above {COUNTED_SCORE} on any photograph, so agreeing "
            "with it proves nothing. Check its weights, or choose other `photographs`",
        )
    measured: dict[str, object] = {
        "counted": total.counted,
        "matched": total.matched,
        "extra": total.extra,
        "max_score_difference": total.score_difference,
        "min_box_iou": total.least_iou,
        "photographs": {
            name: {"counted": match.counted, "matched": match.matched, "extra": match.extra}
            for name, match in each.items()
        },
    }
    message = (
        f"{total.matched} of {total.counted} detections found again, {total.extra} more invented, "
        f"scores differ by up to {total.score_difference:.3f}, boxes overlap by at least "
        f"{total.least_iou:.3f}"
    )
    bounds = bounds_of(
        {
            "min_matched_detections": total.matched / total.counted,
            "max_extra_detections": total.extra / total.counted,
            "max_score_difference": total.score_difference,
            "min_box_iou": total.least_iou,
        },
        asdict(checks),
    )
    problems = tuple(_problem(total, bound) for bound in bounds if bound.is_broken)
    return Outcome(message, problems, measured, bounds)


def _problem(total: DetectionMatch, bound: Bound) -> str:
    seen = {
        "min_matched_detections": f"it finds {total.matched} of the eager fp32 model's {total.counted} "
        f"detections ({bound.measured:.3f})",
        "max_extra_detections": f"it has {total.extra} detections that the eager fp32 model lacks "
        f"({bound.measured:.3f} of {total.counted})",
        "max_score_difference": f"a detection's score differs by {bound.measured:.4f} from the eager "
        "fp32 model's",
        "min_box_iou": f"a detection's box overlaps by {bound.measured:.4f} (IoU) with the eager fp32 "
        "model's",
    }
    limit = "at least" if bound.name.startswith("min_") else "at most"
    return f"{seen[bound.name]}, but {limit} {bound.threshold} is declared"


def _counted(detections: Detections) -> int:
    return int((detections.scores > COUNTED_SCORE).sum())


def _counterparts(counted: Detections, others: Detections) -> dict[int, int]:
    """Position of a counted detection -> position of its counterpart, one to one."""
    overlap = intersection_over_union(counted.boxes, others.boxes)
    overlap[counted.classes[:, None] != others.classes[None]] = 0.0
    pairs: dict[int, int] = {}
    for position in range(_counted(counted)):  # They come first: scores descend.
        if not len(others):
            break
        best = int(torch.argmax(overlap[position]))
        if overlap[position, best] >= SAME_BOX_IOU:
            pairs[position] = best
            overlap[:, best] = 0.0
    return pairs

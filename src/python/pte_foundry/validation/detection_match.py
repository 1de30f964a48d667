"""How many of the eager model's detections a program finds again, and how many it invents.

A detection counts if it scores more than `COUNTED_SCORE`. Its counterpart on the other side need only
score more than `detections.MIN_SCORE`: a detection that scores 0.41 here and 0.39 there has been found
by both, and must not count as lost in one direction and invented in the other. A counterpart has the
same class and overlaps by at least `SAME_BOX_IOU`; no box is the counterpart of two. Boxes are matched
by descending score, each with the unmatched box that overlaps most.

0.8 is far above the 0.5 at which COCO and VOC accept a box: this is the same computation twice, so boxes
should hardly move. 0.4 lies between the 0.25 that `ultralytics predict` shows and the 0.5 and more of
unmistakable objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch

from pte_foundry.errors import PteError
from pte_foundry.records.trained_checks import TrainedChecks
from pte_foundry.validation.case import Bound, Outcome, bounds_of
from pte_foundry.validation.detections import Detections, decode, intersection_over_union
from pte_foundry.validation.parity import Comparison

COUNTED_SCORE = 0.4
SAME_BOX_IOU = 0.8
MIN_PHOTOGRAPHS = 8
"""Fewer hold too few detections for a share of them to mean anything; for all of them one is enough."""


@dataclass(frozen=True)
class DetectionMatch:
    """Detections of one photograph, or of several together.

    Attributes:
        counted: detections of the eager model that score more than `COUNTED_SCORE`.
        matched: those of them that have a counterpart among the program's.
        extra: detections of the program that score more than `COUNTED_SCORE` and have no
            counterpart among the eager model's.
        score_difference: the greatest absolute difference of the scores of a counted detection and
            its counterpart; 0 without any.
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


def detection_outcome(comparisons: Sequence[Comparison], checks: TrainedChecks) -> Outcome:
    """Hold all photographs together to the thresholds.

    Raises:
        PteError: `task` for fewer than `MIN_PHOTOGRAPHS` photographs, unless every detection is to
            be found and none invented, for photographs on which the eager model detects nothing,
            and for outputs that are no detections.
    """
    if checks.allows_losses and len(comparisons) < MIN_PHOTOGRAPHS:
        raise PteError(
            "task",
            f"detections are compared over at least {MIN_PHOTOGRAPHS} photographs, there are "
            f"{len(comparisons)}. Add some to the test's `photographs`",
        )
    each = {
        comparison.name: match_detections(decode(comparison.found), decode(comparison.expected))
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
        f"scores differ by up to {total.score_difference:.3f}, boxes overlap by {total.least_iou:.3f} "
        "and more"
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
        f"detections ({bound.measured:.3f}), at least",
        "max_extra_detections": f"it has {total.extra} detections that the eager fp32 model lacks "
        f"({bound.measured:.3f} of {total.counted}), at most",
        "max_score_difference": f"a detection's score differs by {bound.measured:.4f} from the eager "
        "fp32 model's, at most",
        "min_box_iou": f"a detection's box overlaps by {bound.measured:.4f} (IoU) with the eager fp32 "
        "model's, at least",
    }
    return f"{seen[bound.name]} {bound.threshold} is declared"


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

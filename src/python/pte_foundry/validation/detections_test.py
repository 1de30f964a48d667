from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from pte_foundry.errors import PteError
from pte_foundry.records.trained_checks import TrainedChecks
from pte_foundry.validation.detections import (
    MIN_PHOTOGRAPHS,
    DetectionMatch,
    Detections,
    decode,
    detection_outcome,
    intersection_over_union,
    match_detections,
)
from pte_foundry.validation.parity import Comparison

Cell = tuple[float, float, float, float, float, float]
"""Centre x, centre y, width, height, then the scores of two classes."""


def raw_cells(*cells: Cell) -> Tensor:
    """A raw output [1, 6, cells]."""
    return torch.tensor(cells).T[None]


def test_a_cell_is_a_box_with_the_class_of_its_greatest_score() -> None:
    found = decode(raw_cells((10, 20, 4, 6, 0.1, 0.75), (50, 50, 10, 10, 0.875, 0.5)))
    # By descending score.
    assert found.boxes.tolist() == [[45, 45, 55, 55], [8, 17, 12, 23]]
    assert found.scores.tolist() == [0.875, 0.75]
    assert found.classes.tolist() == [0, 1]


def test_key_points_are_no_scores() -> None:
    cells = raw_cells((10, 20, 4, 6, 0.75, 300.0), (50, 50, 10, 10, 0.875, -7.0))
    found = decode(cells, classes=1)
    assert found.scores.tolist() == [0.875, 0.75] and found.classes.tolist() == [0, 0]
    with pytest.raises(PteError, match="not between 0 and 1"):
        decode(cells)


def test_low_scores_are_not_detections() -> None:
    cells = raw_cells(
        (10, 10, 4, 4, 0.25, 0.0), (30, 30, 4, 4, 0.26, 0.0), (60, 60, 4, 4, 0.1, 0.9)
    )
    assert decode(cells).scores.tolist() == pytest.approx([0.9, 0.26])
    assert len(decode(cells, min_score=0.9)) == 0


def test_of_overlapping_boxes_of_a_class_the_better_one_stays() -> None:
    # 10x10 boxes moved by 1: IoU 9/11 = 0.82, above 0.7; moved by 2: 8/12 = 0.67, below.
    near = decode(raw_cells((10, 10, 10, 10, 0.5, 0.0), (11, 10, 10, 10, 0.75, 0.0)))
    assert near.scores.tolist() == [0.75]
    far = decode(raw_cells((10, 10, 10, 10, 0.5, 0.0), (12, 10, 10, 10, 0.75, 0.0)))
    assert far.scores.tolist() == [0.75, 0.5]


def test_boxes_of_other_classes_do_not_compete() -> None:
    assert len(decode(raw_cells((10, 10, 10, 10, 0.5, 0.0), (10, 10, 10, 10, 0.0, 0.75)))) == 2


def test_a_dropped_box_drops_no_other() -> None:
    # The second falls to the first. It overlaps with the third, which the first does not.
    cells = ((10, 10, 10, 10, 0.9, 0.0), (11, 10, 10, 10, 0.8, 0.0), (12, 10, 10, 10, 0.7, 0.0))
    assert decode(raw_cells(*cells)).boxes[:, 0].tolist() == [5, 7]


def test_equal_scores_keep_the_order_of_the_cells() -> None:
    cells: list[Cell] = [(100.0 * n, 10, 10, 10, 0.5, 0.0) for n in range(1, 6)]
    assert decode(raw_cells(*cells)).boxes[:, 0].tolist() == [95, 195, 295, 395, 495]


def test_intersection_over_union_is_shared_area_over_joint_area() -> None:
    boxes = torch.tensor([[0.0, 0, 2, 2], [1, 1, 3, 3], [5, 5, 6, 6], [1, 1, 1, 1]])
    expected = [[1, 1 / 7, 0, 0], [1 / 7, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert torch.allclose(intersection_over_union(boxes, boxes), torch.tensor(expected))


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (torch.zeros(1, 1000), "shape"),
        (torch.zeros(2, 6, 3), "shape"),
        (torch.zeros(1, 4, 3), "shape"),
        (raw_cells((10, 10, 4, 4, 3.5, 0.0)), "which are not between 0 and 1"),
        (raw_cells((10, 10, 4, 4, 0.5, -0.5)), "which are not between 0 and 1"),
    ],
)
def test_an_output_without_detections_is_refused(output: Tensor, reason: str) -> None:
    with pytest.raises(PteError, match=reason) as caught:
        decode(output)
    assert caught.value.kind == "task"


Box = tuple[float, float, float]
"""Left edge of a 100x100 box at the top, its score, its class."""


def detections(*boxes: Box) -> Detections:
    values = torch.tensor(boxes, dtype=torch.float64).reshape(len(boxes), 3)
    left, zero = values[:, 0], torch.zeros(len(boxes), dtype=torch.float64)
    corners = torch.stack((left, zero, left + 100, zero + 100), 1)
    return Detections(corners, values[:, 1], values[:, 2].long())


@pytest.mark.parametrize(
    ("found", "expected", "counts"),
    [
        (((0, 0.9, 0),), ((0, 0.9, 0),), (1, 1, 0)),
        # Moved by 11 of 100 pixels the IoU is 89/111 = 0.802; by 12 it is 88/112 = 0.786.
        (((11, 0.9, 0),), ((0, 0.9, 0),), (1, 1, 0)),
        (((12, 0.9, 0),), ((0, 0.9, 0),), (1, 0, 1)),
        # Another class, at the same place.
        (((0, 0.9, 1),), ((0, 0.9, 0),), (1, 0, 1)),
        # Just above 0.4 here and just below there: found by both.
        (((0, 0.39, 0),), ((0, 0.41, 0),), (1, 1, 0)),
        (((0, 0.41, 0),), ((0, 0.39, 0),), (0, 0, 0)),
        # Missing, invented, and neither.
        ((), ((0, 0.9, 0),), (1, 0, 0)),
        (((0, 0.9, 0),), (), (0, 0, 1)),
        (((0, 0.3, 0),), (), (0, 0, 0)),
        # One box is not the counterpart of two.
        (((0, 0.9, 0),), ((0, 0.9, 0), (5, 0.8, 0)), (2, 1, 0)),
        # The free box that overlaps most is taken, though another one scores more.
        (((5, 0.95, 0), (0, 0.9, 0)), ((0, 0.9, 0), (5, 0.8, 0)), (2, 2, 0)),
    ],
)
def test_detections_are_matched_one_to_one(
    found: tuple[Box, ...], expected: tuple[Box, ...], counts: tuple[int, int, int]
) -> None:
    match = match_detections(detections(*found), detections(*expected))
    assert (match.counted, match.matched, match.extra) == counts


def test_the_score_difference_is_the_greatest_of_matched_boxes() -> None:
    found = detections((300, 0.9, 0), (0, 0.8, 0), (600, 0.7, 0))
    expected = detections((0, 0.9, 0), (300, 0.85, 0))
    assert match_detections(found, expected).score_difference == pytest.approx(0.1)


def test_photographs_add_up() -> None:
    total = DetectionMatch(3, 2, 1, 0.1) + DetectionMatch(2, 2, 0, 0.3)
    assert total == DetectionMatch(5, 4, 1, 0.3)
    boxes = DetectionMatch(1, 1, 0, 0.0, 0.95) + DetectionMatch(1, 1, 0, 0.0, 0.9)
    assert boxes.least_iou == 0.9


def raw(*boxes: Box) -> torch.Tensor:
    """The raw output [1, 6, boxes] that decodes to these boxes, of two classes."""
    cells = [
        [left + 50, 50, 100, 100, score * (kind == 0), score * (kind == 1)]
        for left, score, kind in boxes
    ]
    return torch.tensor(cells).T[None]


SAME = raw((0, 0.9, 0), (300, 0.8, 1))
CHECKS = TrainedChecks(None, None, 0.95, 0.05, 0.02, 0.9)


def comparisons(found: torch.Tensor, count: int = MIN_PHOTOGRAPHS) -> list[Comparison]:
    """Photographs of two detections each; `found` is what the program has on the first."""
    names = [f"{number}.png" for number in range(count)]
    return [Comparison(name, (found if name == names[0] else SAME,), (SAME,)) for name in names]


def test_equal_outputs_pass() -> None:
    outcome = detection_outcome(comparisons(SAME), CHECKS)
    assert outcome.problems == ()
    assert outcome.measured["counted"] == outcome.measured["matched"] == 16
    assert outcome.measured["max_score_difference"] == outcome.measured["extra"] == 0


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (raw((0, 0.9, 0)), "it finds 15 of the eager fp32 model's 16 detections"),
        (raw((0, 0.9, 0), (300, 0.8, 1), (600, 0.5, 1)), "it has 1 detections that the eager"),
        (raw((0, 0.93, 0), (300, 0.8, 1)), "a detection's score differs by 0.0300"),
        # 93 of 107 pixels.
        (raw((7, 0.9, 0), (300, 0.8, 1)), "a detection's box overlaps by 0.8692"),
    ],
)
def test_each_threshold_is_applied_by_itself(found: torch.Tensor, problem: str) -> None:
    (seen,) = detection_outcome(comparisons(found), CHECKS).problems
    assert seen.startswith(problem)
    unbound = TrainedChecks(0.9, None, None, None, None, None)
    assert detection_outcome(comparisons(found), unbound).problems == ()


def test_a_threshold_is_met_by_its_own_value() -> None:
    exact = replace(CHECKS, min_matched_detections=15 / 16, max_extra_detections=1 / 16)
    assert detection_outcome(comparisons(raw((0, 0.9, 0))), exact).problems == ()
    more = raw((0, 0.9, 0), (300, 0.8, 1), (600, 0.5, 1))
    assert detection_outcome(comparisons(more), exact).problems == ()


def test_too_few_photographs_are_an_error() -> None:
    with pytest.raises(PteError, match="at least 8 photographs, but there are 7"):
        detection_outcome(comparisons(SAME, 7), CHECKS)


def test_one_photograph_is_enough_where_nothing_may_be_lost() -> None:
    every = replace(CHECKS, min_matched_detections=1.0, max_extra_detections=0.0)
    assert detection_outcome(comparisons(SAME, 1), every).problems == ()
    for found in (raw((0, 0.9, 0)), raw((0, 0.9, 0), (300, 0.8, 1), (600, 0.5, 1))):
        assert len(detection_outcome(comparisons(found, 1), every).problems) == 1
    with pytest.raises(PteError, match="at least 8 photographs"):
        detection_outcome(comparisons(SAME, 1), replace(every, max_extra_detections=0.01))


def test_photographs_without_detections_prove_nothing() -> None:
    nothing = [Comparison(str(n), (SAME,), (raw((0, 0.39, 0)),)) for n in range(8)]
    with pytest.raises(PteError, match="proves nothing"):
        detection_outcome(nothing, CHECKS)

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pte_foundry.errors import PteError
from pte_foundry.validation.detections import decode, intersection_over_union

Cell = tuple[float, float, float, float, float, float]
"""Centre x, centre y, width, height, then the scores of two classes."""


def raw(*cells: Cell) -> Tensor:
    """A raw output [1, 6, cells]."""
    return torch.tensor(cells).T[None]


def test_a_cell_is_a_box_with_the_class_of_its_greatest_score() -> None:
    found = decode(raw((10, 20, 4, 6, 0.1, 0.75), (50, 50, 10, 10, 0.875, 0.5)))
    # By descending score.
    assert found.boxes.tolist() == [[45, 45, 55, 55], [8, 17, 12, 23]]
    assert found.scores.tolist() == [0.875, 0.75]
    assert found.classes.tolist() == [0, 1]


def test_low_scores_are_no_detections() -> None:
    cells = raw((10, 10, 4, 4, 0.25, 0.0), (30, 30, 4, 4, 0.26, 0.0), (60, 60, 4, 4, 0.1, 0.9))
    assert decode(cells).scores.tolist() == pytest.approx([0.9, 0.26])
    assert len(decode(cells, min_score=0.9)) == 0


def test_of_overlapping_boxes_of_a_class_the_better_one_stays() -> None:
    # 10x10 boxes moved by 1: IoU 9/11 = 0.82, above 0.7; moved by 2: 8/12 = 0.67, below.
    near = decode(raw((10, 10, 10, 10, 0.5, 0.0), (11, 10, 10, 10, 0.75, 0.0)))
    assert near.scores.tolist() == [0.75]
    far = decode(raw((10, 10, 10, 10, 0.5, 0.0), (12, 10, 10, 10, 0.75, 0.0)))
    assert far.scores.tolist() == [0.75, 0.5]


def test_boxes_of_other_classes_do_not_compete() -> None:
    assert len(decode(raw((10, 10, 10, 10, 0.5, 0.0), (10, 10, 10, 10, 0.0, 0.75)))) == 2


def test_a_dropped_box_drops_no_other() -> None:
    # The second falls to the first. It overlaps with the third, which the first does not.
    cells = ((10, 10, 10, 10, 0.9, 0.0), (11, 10, 10, 10, 0.8, 0.0), (12, 10, 10, 10, 0.7, 0.0))
    assert decode(raw(*cells)).boxes[:, 0].tolist() == [5, 7]


def test_equal_scores_keep_the_order_of_the_cells() -> None:
    cells: list[Cell] = [(100.0 * n, 10, 10, 10, 0.5, 0.0) for n in range(1, 6)]
    assert decode(raw(*cells)).boxes[:, 0].tolist() == [95, 195, 295, 395, 495]


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
        (raw((10, 10, 4, 4, 3.5, 0.0)), "no scores within 0 and 1"),
        (raw((10, 10, 4, 4, 0.5, -0.5)), "no scores within 0 and 1"),
    ],
)
def test_an_output_without_detections_is_refused(output: Tensor, reason: str) -> None:
    with pytest.raises(PteError, match=reason) as caught:
        decode(output)
    assert caught.value.kind == "task"

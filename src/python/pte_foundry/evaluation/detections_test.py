from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from pte_foundry.errors import PteError
from pte_foundry.evaluation.detections import MOST, Detections, decode, to_picture
from pte_foundry.evaluation.task import DETECT, POSE, Task
from pte_foundry.tree.pages.detection import Detection, detection_code
from pte_foundry.tree.pages.pages import environment

TWO = Task(DETECT, classes=2)


def output(*cells: tuple[float, ...]) -> npt.NDArray[np.float32]:
    """[1, rows, cells]; a cell is centre x, centre y, width, height, scores, points."""
    return np.array(cells, np.float32).T[None]


def test_boxes_of_one_object_are_suppressed_class_by_class() -> None:
    found = decode(
        output(
            (50, 50, 20, 20, 0.5, 0.0),
            (51, 50, 20, 20, 0.9, 0.0),  # 19/21 of the box above
            (50, 50, 20, 20, 0.0, 0.6),  # of another class
            (80, 50, 20, 20, 0.4, 0.0),
            (50, 54, 20, 20, 0.3, 0.0),  # 304/496 of the best one: less than 0.7
        ),
        TWO,
    )
    assert found.classes.tolist() == [0, 1, 0, 0]
    assert found.scores.tolist() == pytest.approx([0.9, 0.6, 0.4, 0.3])
    assert found.boxes[0].tolist() == [41, 40, 61, 60]
    assert found.points.shape == (4, 0, 2)


def test_a_cell_has_a_box_for_each_of_its_classes() -> None:
    found = decode(output((5, 5, 2, 2, 0.3, 0.2), (9, 9, 2, 2, 0.0009, 0.0005)), TWO)
    assert found.classes.tolist() == [0, 1]
    assert found.scores.tolist() == pytest.approx([0.3, 0.2])


def test_at_most_so_many() -> None:
    cells = [(10.0 * n, 5, 2, 2, 0.9 - n / 1000, 0.0) for n in range(MOST + 50)]
    assert decode(output(*cells), TWO).scores.tolist() == pytest.approx(
        [0.9 - n / 1000 for n in range(MOST)]
    )


def test_without_suppression_all_are_kept() -> None:
    task = Task(DETECT, classes=2, suppress=False)
    cells = ((5, 5, 2, 2, 0.3, 0.0), (5, 5, 2, 2, 0.4, 0.0))
    assert decode(output(*cells), task).scores.tolist() == pytest.approx([0.4, 0.3])


def test_key_points_go_with_their_box() -> None:
    task = Task(POSE, classes=1, points=2, numbers=3)
    found = decode(
        output((5, 5, 2, 2, 0.3, 1, 2, 0.5, 3, 4, 0.25), (50, 5, 2, 2, 0.6, 5, 6, 1, 7, 8, 0)), task
    )
    assert found.points.tolist() == [[[5, 6, 1], [7, 8, 0]], [[1, 2, 0.5], [3, 4, 0.25]]]


@pytest.mark.parametrize("points", [0, 3])
def test_it_finds_what_the_code_on_pages_finds(points: int) -> None:
    """Where no cell has two classes, and the threshold is the same."""
    random = np.random.default_rng(0)
    values = random.uniform(0, 1, (4 + 2 + 3 * points, 60)).astype(np.float32)
    values[:2] = np.round(values[:2] * 2) * 30
    values[2:4] = values[2:4] * 5 + 20
    values[4] *= np.arange(60) % 2
    values[5] *= 1 - np.arange(60) % 2
    page: dict[str, Any] = {}
    (python, *_) = detection_code(environment(), Detection(2, 60, points, 3))
    exec(compile(python.text, "detections.py", "exec"), page)  # noqa: S102
    boxes, scores, classes, *rest = page["detections"](values[None], 0.001)
    found = decode(values[None], Task(POSE if points else DETECT, 2, points, 3))
    assert 10 < len(scores) < 50
    assert found.classes.tolist() == classes.tolist()
    assert np.allclose(found.scores, scores) and np.allclose(found.boxes, boxes, atol=1e-4)
    if points:
        assert np.allclose(found.points, rest[0])


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (np.zeros((1, 7, 3), np.float32), r"shape \[1, 7, 3\], not \[1, 6, cells\]"),
        (np.zeros((6, 3), np.float32), r"shape \[6, 3\]"),
        (np.full((1, 6, 3), np.nan, np.float32), "not finite"),
    ],
)
def test_other_outputs(wrong: Any, told: str) -> None:
    with pytest.raises(PteError, match=told):
        decode(wrong, TWO)


def found_box(*box: float) -> Detections:
    points = np.array([[[box[0], box[1], 0.5]]])
    return Detections(np.array([box]), np.array([1.0]), np.array([0]), points)


def test_boxes_go_back_through_the_letterbox() -> None:
    # 100x200 in 64x64: half becomes 32 rows, with 16 above.
    back = to_picture(found_box(16, 24, 48, 40), True, (100, 200), (64, 64))
    assert back.boxes.tolist() == [[50, 25, 150, 75]]
    assert back.points.tolist() == [[[50, 25, 0.5]]]


def test_boxes_go_back_from_a_squashed_picture_and_end_at_its_edge() -> None:
    back = to_picture(found_box(-8, 16, 32, 80), False, (100, 200), (64, 64))
    assert back.boxes.tolist() == [[0, 25, 100, 100]]
    # A point may be outside.
    assert back.points[0, 0, 0] == -25

from __future__ import annotations

from pathlib import Path

import pytest

from pte_foundry.evaluation.annotations import Annotations, Thing
from pte_foundry.evaluation.coco import mean_average_precision
from pte_foundry.evaluation.pictures import Picture
from pte_foundry.evaluation.task import DETECT, POSE, Task

BOXES = Task(DETECT, classes=3)


def annotated(*things: tuple[Thing, ...], classes: int = 3) -> Annotations:
    pictures = tuple(
        Picture(f"{n}.png", Path(f"{n}.png"), f"{n}" * 64, (200, 200)) for n in range(len(things))
    )
    return Annotations(pictures, things, classes)


def thing(label: int, *box: float) -> Thing:
    left, top, width, height = box
    return Thing(label, (left, top, width, height), width * height)


def test_what_is_all_right() -> None:
    truth = annotated((thing(0, 10, 10, 100, 50), thing(2, 0, 0, 20, 20)), ())
    answers = [[[0, 0.9, 10, 10, 100, 50], [2, 0.2, 0, 0, 20, 20]], []]
    assert mean_average_precision(truth, answers, BOXES) == pytest.approx(
        {"mAP50-95": 1, "mAP50": 1}
    )


def test_a_wrong_box_before_the_right_one_halves_the_precision() -> None:
    truth = annotated((thing(0, 10, 10, 100, 50),))
    answers = [[[0, 0.9, 150, 150, 20, 20], [0, 0.8, 10, 10, 100, 50]]]
    assert mean_average_precision(truth, answers, BOXES) == pytest.approx(
        {"mAP50-95": 0.5, "mAP50": 0.5}
    )


def test_a_box_counts_at_the_overlaps_that_it_reaches() -> None:
    # 78 of 100 columns: it reaches 0.50, 0.55, ..., 0.75, which are six of ten.
    truth = annotated((thing(1, 0, 0, 100, 50),))
    found = mean_average_precision(truth, [[[1, 0.9, 0, 0, 78, 50]]], BOXES)
    assert found == pytest.approx({"mAP50-95": 0.6, "mAP50": 1})


def test_classes_without_anything_to_find_do_not_count_but_lost_ones_do() -> None:
    truth = annotated((thing(0, 0, 0, 50, 50), thing(1, 100, 100, 50, 50)))
    found = mean_average_precision(truth, [[[0, 0.9, 0, 0, 50, 50]]], BOXES)
    assert found == pytest.approx({"mAP50-95": 0.5, "mAP50": 0.5})


def test_nothing_found() -> None:
    truth = annotated((thing(0, 0, 0, 50, 50),))
    assert mean_average_precision(truth, [[]], BOXES) == {"mAP50-95": 0, "mAP50": 0}


def test_pictures_are_told_apart() -> None:
    truth = annotated((thing(0, 0, 0, 50, 50),), ())
    assert mean_average_precision(truth, [[], [[0, 0.9, 0, 0, 50, 50]]], BOXES)["mAP50"] == 0


@pytest.mark.parametrize("numbers", [2, 3])
@pytest.mark.parametrize("points", [17, 5])
def test_key_points(points: int, numbers: int) -> None:
    task = Task(POSE, classes=1, points=points, numbers=numbers)
    at = [(10.0 + 5 * n, 20.0 + n) for n in range(points)]
    flat = tuple(value for x, y in at for value in (x, y, 2.0))
    truth = annotated((Thing(0, (5, 5, 150, 100), 8000, points=flat),), classes=1)
    box = [0, 0.9, 5, 5, 150, 100]
    for shift, expected in ((0.0, 1.0), (500.0, 0.0)):
        more = [value for x, y in at for value in (x + shift, y, 0.5)[:numbers]]
        found = mean_average_precision(truth, [[[*box, *more]]], task)
        assert found == pytest.approx(
            {
                "mAP50-95": 1,
                "mAP50": 1,
                "pose mAP50-95": expected,
                "pose mAP50": expected,
            }
        )

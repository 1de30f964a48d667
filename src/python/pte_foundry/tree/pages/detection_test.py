from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from pte_foundry.tree.pages.detection import Detection, detection_code, read_detection
from pte_foundry.tree.pages.pages import environment
from pte_foundry.validation.detections import decode

WORDS = (
    "for each of 8400 cells (80x80, 40x40 and 20x20, row by row): centre x, centre y, width and height of the box in "
    "pixels of the 640x640 input, then one score within 0 and 1 for each line of labels.txt. Not sorted"
)


def codes(detection: Detection) -> dict[str, str]:
    return {each.language: each.text for each in detection_code(environment(), detection)}


def python_function(detection: Detection) -> Callable[..., Any]:
    """The function that the page shows."""
    module: dict[str, Any] = {}
    exec(compile(codes(detection)["Python"], "detections.py", "exec"), module)  # noqa: S102
    function: Callable[..., Any] = module["detections"]
    return function


POSES = WORDS.replace("labels.txt. Not", "pose_labels.txt{}. Not")
COCO = (
    ", then for each of COCO's 17 key points x and y in pixels of the input, and how visible it is within 0 and 1: "
    "nose, ankle"
)
HANDS = ", then for each of 21 key points x and y in pixels of the input"


def crowd(classes: int, cells: int, seed: int) -> torch.Tensor:
    """Overlapping boxes, most of them of few classes, scores on both sides of the threshold."""
    chance = torch.Generator().manual_seed(seed)
    output = torch.rand(1, 4 + classes, cells, generator=chance)
    output[:, :2] *= 100
    output[:, 2:4] = output[:, 2:4] * 60 + 20
    output[:, 4:] *= torch.rand(1, 1, cells, generator=chance)
    return output


@pytest.mark.parametrize(("classes", "cells"), [(1, 40), (3, 500), (80, 300)])
@pytest.mark.parametrize("seed", range(5))
def test_the_python_of_a_page_finds_what_the_tests_find(
    classes: int, cells: int, seed: int
) -> None:
    output = crowd(classes, cells, seed)
    expected = decode(output)
    boxes, scores, labels = python_function(Detection(classes, cells))(output.numpy())
    assert len(expected) > 5
    assert labels.tolist() == expected.classes.tolist()
    assert np.allclose(scores, expected.scores.numpy(), atol=1e-6)
    assert np.allclose(boxes, expected.boxes.numpy(), atol=1e-4)


@pytest.mark.parametrize(("points", "numbers"), [(17, 3), (5, 2)])
def test_key_points_stay_with_their_boxes(points: int, numbers: int) -> None:
    output = crowd(2 + points * numbers, 300, 1)
    function = python_function(Detection(2, 300, points, numbers))
    boxes, scores, labels, found = function(output.numpy())
    expected = decode(output, classes=2)
    assert np.allclose(boxes, expected.boxes.numpy(), atol=1e-4)
    assert labels.tolist() == expected.classes.tolist()
    cells = output[0, 4:6].max(0).values.numpy()
    for score, each in zip(scores, found):
        (cell,) = np.flatnonzero(cells == score)
        assert np.array_equal(each.flatten(), output[0, 6:, cell].numpy())
    assert found.shape == (len(expected), points, numbers) and len(expected) > 5


def test_nothing_is_found() -> None:
    boxes, scores, labels = python_function(Detection(2, 5))(np.zeros((1, 6, 5), np.float32))
    assert (boxes.shape, scores.shape, labels.shape) == ((0, 4), (0,), (0,))


def test_the_form_is_read_from_the_words() -> None:
    assert read_detection("float32", (1, 84, 8400), WORDS) == Detection(80, 8400)
    for words, classes, points, numbers in ((COCO, 1, 17, 3), (HANDS, 2, 21, 2)):
        rows = 4 + classes + points * numbers
        found = read_detection("float32", (1, rows, 8400), POSES.format(words))
        assert found == Detection(classes, 8400, points, numbers)


@pytest.mark.parametrize(
    ("dtype", "shape", "words"),
    [
        ("float16", (1, 84, 8400), WORDS),
        ("float32", (1, 4, 8400), WORDS),
        ("float32", (2, 84, 8400), WORDS),
        ("float32", (84, 8400), WORDS),
        ("float32", (1, 84, 8400), "one score per ImageNet class"),
        ("float32", (1, 84, 8400), WORDS.replace("centre x", "left")),
        ("float32", (1, 84, 8400), POSES.format(", then 32 factors of its mask")),
        ("float32", (1, 40, 8400), POSES.format(COCO)),
    ],
)
def test_other_outputs_have_no_code(dtype: str, shape: tuple[int, ...], words: str) -> None:
    assert read_detection(dtype, shape, words) is None


def test_only_numbers_get_into_the_code() -> None:
    first, second = codes(Detection(80, 8400)), codes(Detection(3, 77))
    assert list(first) == ["Python", "Swift", "Kotlin", "Dart"]
    for language, text in first.items():
        changed = text.replace("8400", "77").replace("84", "7").replace("80", "3")
        assert changed == second[language]

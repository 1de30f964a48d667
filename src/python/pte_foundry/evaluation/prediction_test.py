from __future__ import annotations

import numpy as np
import pytest

from pte_foundry.errors import PteError
from pte_foundry.evaluation.prediction import embedding, predict
from pte_foundry.evaluation.task import CLASSIFY, DETECT, EMBED, Task

SIZE, INPUT = (100, 200), (64, 64)


def test_a_classifier_answers_with_its_best_classes() -> None:
    scores = np.array([[0.1, 0.9, 0.3, 0.9, 0.2, 0.0, -1.0]], np.float32)
    # Of equals, the first.
    assert predict(Task(CLASSIFY, 7), scores, SIZE, INPUT) == [1, 3, 2, 4, 0]


def test_an_embedding_is_a_unit_vector() -> None:
    answer = predict(Task(EMBED), np.array([[3.0, 4.0]], np.float32), SIZE, INPUT)
    assert embedding(answer).tolist() == pytest.approx([0.6, 0.8])


def test_of_tokens_the_mean() -> None:
    tokens = np.array([[[3.0, 0.0], [0.0, 4.0]]], np.float32)
    assert embedding(predict(Task(EMBED), tokens, SIZE, INPUT)).tolist() == pytest.approx(
        [0.6, 0.8]
    )


def test_a_detector_answers_with_boxes_of_the_picture() -> None:
    task = Task(DETECT, classes=2, letterbox=True)
    output = np.array([[[32.0], [32.0], [32.0], [16.0], [0.123456], [0.0]]], np.float32)
    assert predict(task, output, SIZE, INPUT) == [[0, 0.12346, 50.0, 25.0, 100.0, 50.0]]


@pytest.mark.parametrize(
    ("task", "output", "told"),
    [
        (Task(CLASSIFY, 3), [[1.0, 2.0]], r"shape \[1, 2\], not \[1, 3\]"),
        (Task(CLASSIFY, 2), [[1.0, np.nan]], "not finite"),
        (Task(EMBED), [[0.0, 0.0]], "no direction"),
        (Task(EMBED), [[np.inf, 0.0]], "not finite"),
    ],
)
def test_outputs_without_an_answer(task: Task, output: object, told: str) -> None:
    with pytest.raises(PteError, match=told):
        predict(task, np.array(output, np.float32), SIZE, INPUT)

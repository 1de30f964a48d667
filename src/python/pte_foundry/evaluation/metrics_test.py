from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from pte_foundry.evaluation.metrics import nearest_neighbours, top_k


def test_top_k_counts_pictures_whose_class_is_among_the_first() -> None:
    answers = [[3, 1, 2], [0, 3, 1], [2, 0, 1], [1, 2, 3]]
    truth = [3, 1, 0, 0]
    assert [top_k(answers, truth, k) for k in (1, 2, 3)] == [0.25, 0.5, 0.75]


def test_top_k_needs_as_many_answers_as_pictures() -> None:
    with pytest.raises(ValueError):
        top_k([[0]], [0, 1], 1)


def unit(*degrees: float) -> npt.NDArray[np.float32]:
    radians = [math.radians(each) for each in degrees]
    return np.array([[math.cos(each), math.sin(each)] for each in radians], np.float32)


def test_neighbours_vote_without_the_picture_itself() -> None:
    # Nearest others: 0 -> 10, 10 -> 0, 30 -> 35, 35 -> 30, 100 -> 35, which is of another class.
    vectors, truth = unit(0, 10, 30, 35, 100), ["a", "a", "b", "b", "a"]
    assert nearest_neighbours(vectors, truth, 1) == 4 / 5
    # Three nearest: of 0 a, b, b; of 10 a, b, b; of 30 b, a, a; of 35 b, a, a; of 100 b, b, a.
    assert nearest_neighbours(vectors, truth, 3) == 0
    # Four are all others: b wins two of three times for a, and a for b.
    assert nearest_neighbours(vectors, truth, 9) == nearest_neighbours(vectors, truth, 4)


def test_of_equal_votes_the_nearest_wins() -> None:
    # Two nearest: of 0 a (at 10), b (at 20); of 10 a (at 0) or b (at 20); of 20 b is alone.
    assert nearest_neighbours(unit(0, 9, 20), ["a", "a", "b"], 2) == 2 / 3


def test_the_only_picture_of_its_class_is_never_right() -> None:
    assert nearest_neighbours(unit(0, 1, 3), ["a", "a", "b"], 1) == 2 / 3

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from pte_foundry.errors import PteError
from pte_foundry.validation.task import task_outcome

LABELS = ("cat", "dog", "espresso", "rocket")
SCORES = torch.tensor([[0.1, 0.2, 5.0, 0.3]])
OBJECTS = ("person", "bus")


def raw(*boxes: tuple[float, float, int]) -> torch.Tensor:
    """Left edge, score and class of 100x100 boxes -> the raw output [1, 6, boxes]."""
    cells = [
        [left + 50, 50, 100, 100, score * (kind == 0), score * (kind == 1)]
        for left, score, kind in boxes
    ]
    return torch.tensor(cells).T[None]


STREET = raw((0, 0.9, 1), (200, 0.8, 0), (400, 0.7, 0), (600, 0.4, 0))


def test_the_highest_score_names_the_label() -> None:
    outcome = task_outcome(SCORES, LABELS, "espresso")
    assert outcome.problems == ()
    best = outcome.measured["best"]
    assert isinstance(best, list)
    assert [each["label"] for each in best] == ["espresso", "rocket", "dog"]
    assert task_outcome(SCORES, LABELS, "cat").problems != ()


@pytest.mark.parametrize("expected", ["bus", "bus, person,person", "person"])
def test_visible_objects_are_found(expected: str) -> None:
    outcome = task_outcome(STREET, OBJECTS, expected)
    assert outcome.problems == ()
    assert outcome.message == "it finds 1 bus, 2 person"


@pytest.mark.parametrize(
    ("expected", "lost"),
    # The third person scores too little.
    [("bus, bus", "1 bus"), ("person, person, person", "1 person")],
)
def test_absent_objects_are_missed(expected: str, lost: str) -> None:
    (problem,) = task_outcome(STREET, OBJECTS, expected).problems
    assert problem.startswith(f"it does not find {lost};")


@pytest.mark.parametrize(
    ("output", "labels", "expected", "reason"),
    [
        (SCORES, None, "cat", "no label file"),
        (SCORES, LABELS, "Cat", "no such line"),
        (SCORES, LABELS[:3], "cat", "one score"),
        (SCORES[0], LABELS, "cat", r"not \[1, 8, cells\]"),
        (SCORES.repeat(2, 1), LABELS, "cat", "one score"),
        (STREET, None, "bus", "no label file"),
        (STREET, OBJECTS, "bus, cat", r"\['cat'\] are expected"),
        (STREET, ("bus",), "bus", r"not \[1, 5, cells\]"),
        (STREET[None], OBJECTS, "bus", r"not \[1, 6, cells\]"),
    ],
)
def test_an_output_that_does_not_fit_the_labels_fails(
    output: torch.Tensor, labels: Sequence[str] | None, expected: str, reason: str
) -> None:
    with pytest.raises(PteError, match=reason) as caught:
        task_outcome(output, labels, expected)
    assert caught.value.kind == "task"

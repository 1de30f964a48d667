from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from pte_foundry.errors import PteError
from pte_foundry.validation.expected_objects import expected_objects_outcome

LABELS = ("person", "bus")


def raw(*boxes: tuple[float, float, int]) -> torch.Tensor:
    """Left edge, score and class of 100x100 boxes -> the raw output [1, 6, boxes]."""
    cells = [
        [left + 50, 50, 100, 100, score * (kind == 0), score * (kind == 1)]
        for left, score, kind in boxes
    ]
    return torch.tensor(cells).T[None]


STREET = raw((0, 0.9, 1), (200, 0.8, 0), (400, 0.7, 0), (600, 0.4, 0))


@pytest.mark.parametrize("expected", ["bus", "bus, person,person", "person"])
def test_what_is_there_is_found(expected: str) -> None:
    outcome = expected_objects_outcome(STREET, LABELS, expected)
    assert outcome.problems == ()
    assert outcome.message == "it finds 1 bus, 2 person"


@pytest.mark.parametrize(
    ("expected", "lost"),
    [
        ("bus, bus", "1 bus"),
        # The third one scores too little.
        ("person, person, person", "1 person"),
    ],
)
def test_what_is_not_there_is_missed(expected: str, lost: str) -> None:
    (problem,) = expected_objects_outcome(STREET, LABELS, expected).problems
    assert problem.startswith(f"it does not find {lost};")


@pytest.mark.parametrize(
    ("output", "labels", "expected", "reason"),
    [
        (STREET, None, "bus", "no label file"),
        (STREET, LABELS, "bus, cat", r"\['cat'\] are expected"),
        (STREET, ("bus",), "bus", r"not \[1, 5, cells\]"),
        (STREET[0], LABELS, "bus", r"not \[1, 6, cells\]"),
    ],
)
def test_what_is_no_detection_fails(
    output: torch.Tensor, labels: Sequence[str] | None, expected: str, reason: str
) -> None:
    with pytest.raises(PteError, match=reason) as caught:
        expected_objects_outcome(output, labels, expected)
    assert caught.value.kind == "task"

from __future__ import annotations

import pytest

from bench.benchmarks.operators import (
    ACTIVATIONS,
    DENSE,
    DEPTHWISE,
    LINEAR,
    MOVEMENT,
    OTHER,
    POINTWISE,
    kind_of,
    milliseconds_by_kind,
    operator_rows,
)
from bench.benchmarks.programs import BenchProgram

_IMAGE = [1, 16, 8, 8]


@pytest.mark.parametrize(
    ("operator", "shapes", "kind"),
    [
        ("conv2d", [_IMAGE, [16, 1, 3, 3], [16]], DEPTHWISE),
        ("Conv", [_IMAGE, [8, 16, 1, 1]], POINTWISE),
        ("FusedConv", [_IMAGE, [8, 16, 3, 3]], DENSE),
        ("linear", [[1, 16]], LINEAR),
        ("hardswish", [_IMAGE], ACTIVATIONS),
        ("ReorderOutput", [_IMAGE], MOVEMENT),
        ("Unheard", [_IMAGE], OTHER),
    ],
)
def test_kinds(operator: str, shapes: list[list[int]], kind: str) -> None:
    assert kind_of(operator, shapes) == kind


def test_equal_operators_count_each() -> None:
    rows = [
        {"operator": "silu", "shapes": [_IMAGE], "count": 3, "ms": 0.5},
        {"operator": "Sigmoid", "shapes": [_IMAGE], "ms": 0.25},
    ]
    assert milliseconds_by_kind(rows) == {ACTIVATIONS: 1.75}


def test_a_kind_that_only_one_runtime_has_counts_in_the_sum() -> None:
    ours = [{"operator": "silu", "shapes": [_IMAGE], "count": 1, "ms": 2.0}]
    theirs = [
        {"operator": "Sigmoid", "shapes": [_IMAGE], "ms": 1.0},
        {"operator": "ReorderInput", "shapes": [_IMAGE], "ms": 3.0},
    ]
    rows = operator_rows(BenchProgram("models/yolo:yolov8n_xnnpack"), ours, theirs)
    assert [(row.details["kind"], row.value) for row in rows] == [
        (ACTIVATIONS, 2.0),
        ("all operators", 0.5),
    ]
    assert [row.met for row in rows] == [False, True]

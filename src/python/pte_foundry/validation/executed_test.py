from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
import torch
from torch import Tensor

from pte_foundry.exporting.export import ExportResult
from pte_foundry.records.limits import Limits
from pte_foundry.validation.case import Case
from pte_foundry.validation.executed import repetition_case
from pte_foundry.validation.isolation.child_process import (
    ChildProcess,
    Facts,
    Serve,
    Start,
    serving_runs,
)
from pte_foundry.validation.runtime import runtime_start

LIMITS = Limits(seconds=100)
INPUT = (torch.ones(1, 3, 16, 16),)


def answering(*outputs: Tensor) -> Start:
    """A program with these outputs, whatever it gets."""

    def run(inputs: Sequence[Tensor]) -> Sequence[Tensor]:
        return outputs

    def start() -> tuple[Facts, Mapping[str, Serve]]:
        return {}, serving_runs(run)

    return start


def repeat(start: Start, *outputs: Tensor) -> Case:
    return repetition_case(start, LIMITS, "x", INPUT, outputs)


def test_a_real_program_gives_the_same_on_two_threads(xnnpack: ExportResult) -> None:
    with ChildProcess(runtime_start(xnnpack.pte, 1), LIMITS) as child:
        outputs = child.run(INPUT)
    case = repeat(runtime_start(xnnpack.pte, 2), *outputs)
    assert (case.name, case.kind, case.status) == ("repeat:x", "run", "passed")


@pytest.mark.parametrize(
    ("again", "words"),
    [
        ((torch.tensor([1.0, 2.5]),), "by up to 0.5"),
        ((torch.tensor([1.0]),), "in its shape or element type"),
        ((torch.tensor([1, 2]),), "in its shape or element type"),
        ((), "1 outputs, but 0"),
    ],
)
def test_anything_else_fails(again: tuple[Tensor, ...], words: str) -> None:
    case = repeat(answering(*again), torch.tensor([1.0, 2.0]))
    assert (case.kind, case.status) == ("run", "failed") and words in case.message

"""Whether a program gives the same again, in a new process and on more threads."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pte_foundry.records.limits import Limits
from pte_foundry.validation.case import Case, Outcome, run_case
from pte_foundry.validation.inputs import Inputs
from pte_foundry.validation.isolation.child_process import ChildProcess, Start

FIRST_THREADS = 1
"""Of the process that runs every input: as in the export, nothing depends on the machine."""

THREADS = 2
"""Of the process that repeats one input. A run may take minutes, so one run has to show both things."""


def repetition_case(
    start: Start, limits: Limits, name: str, inputs: Inputs, outputs: Sequence[Tensor]
) -> Case:
    """The case `repeat:<name>`: the outputs have to be the same bits.

    Then they are also as near to the eager model's. The input should be the last one that the first
    process ran: what earlier inputs leave behind in a program would show in it, and does not reach the
    second process.

    Args:
        start: loads the program on THREADS threads.
        outputs: of the first process.
    """

    def check() -> Outcome:
        with ChildProcess(start, limits) as child:
            return _same(outputs, child.run(inputs))

    return run_case(f"repeat:{name}", "run", check)


def _same(first: Sequence[Tensor], second: Sequence[Tensor]) -> Outcome:
    message = f"a new process with {THREADS} threads gives the same bits"
    if len(first) != len(second):
        return Outcome(message, (f"{len(first)} outputs, and {len(second)} when it ran again",))
    problems = tuple(
        f"output {number} differs {_how_far(one, other)} when a new process with {THREADS} threads "
        f"runs the same input: it depends on what ran before, or on the number of threads"
        for number, (one, other) in enumerate(zip(first, second))
        if not _equal(one, other)
    )
    return Outcome(message, problems)


def _equal(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and torch.equal(one, other)


def _how_far(one: Tensor, other: Tensor) -> str:
    if one.dtype != other.dtype or one.shape != other.shape:
        return "in its shape or element type"
    return f"by up to {float((one.double() - other.double()).abs().max()):.3g}"

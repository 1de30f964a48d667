"""Evidence `executed`: the runtime of the toolchain runs the program, in child processes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

import torch
from torch import Tensor

from pte_foundry.records.limits import Limits
from pte_foundry.stages import Begin
from pte_foundry.validation.case import Case, Outcome, run_case, run_case_for, skipped
from pte_foundry.validation.exercise import Exercises, exercise_all, reference_case
from pte_foundry.validation.inputs import Inputs
from pte_foundry.validation.interpretation import describe_executed
from pte_foundry.validation.isolation.child_process import ChildProcess, Start
from pte_foundry.validation.payload_cases import executed_weights_case
from pte_foundry.validation.request import ValidationRequest
from pte_foundry.validation.runtime import runtime_start, signature_of
from pte_foundry.validation.structure import signature_problems
from pte_foundry.validation.trained import trained_cases

FIRST_THREADS = 1
"""Of the process that runs every input, so that nothing depends on the machine, as in the export."""

THREADS = 2
"""Of the process that repeats one input. A run may take minutes, so one has to test both repetition and threads."""


def executed_cases(request: ValidationRequest, pte: bytes, begin: Begin) -> list[Case]:
    """Load the program, run it on every input, repeat the last one, and compare weights and predictions.

    A file that does not parse is still given to the runtime, as on a device.
    """
    with ExitStack() as children:
        begin("loading the program")
        load, program = run_case_for("load", "load", lambda: _load(request, pte, children))
        reference, eager = reference_case(request, begin)
        runs = exercise_all(request, program or "the program did not load", eager, begin)
        cases = [load, reference, *runs.cases, _repetition(request, pte, runs, begin)]
        cases += trained_cases(request, runs.comparisons, runs.missing)
        if request.interpreter and eager is not None and program is not None and not program.ended:
            cases.append(executed_weights_case(request, program, eager, begin))
    return cases


def repetition_case(
    start: Start,
    limits: Limits,
    name: str,
    inputs: Inputs,
    outputs: Sequence[Tensor],
    before: Sequence[Inputs] = (),
) -> Case:
    """The case `repeat:<name>`: a new process returns the same bits, so they are just as close to the eager model's.

    The input should be the last one that the first process ran: its outputs would show what earlier inputs
    left behind in the program, which does not reach the second process.

    Args:
        start: loads the program with THREADS threads.
        outputs: of the first process.
        before: inputs to run first, for a program that keeps state.
    """

    def check() -> Outcome:
        with ChildProcess(start, limits) as child:
            for one in before:
                child.run(one)
            return _same(outputs, child.run(inputs))

    return run_case(f"repeat:{name}", "run", check)


def _load(
    request: ValidationRequest, pte: bytes, children: ExitStack
) -> tuple[Outcome, ChildProcess]:
    reader = request.interpreter
    describe = None if reader is None else partial(describe_executed, reader, pte)
    start = runtime_start(pte, FIRST_THREADS, describe)
    program = children.enter_context(ChildProcess(start, request.limits))
    inputs, outputs = signature_of(program)
    problems = (
        *signature_problems("input", request.report.inputs, inputs),
        *signature_problems("output", request.report.outputs, outputs),
    )
    return Outcome("the runtime loads it, with the report's inputs and outputs", problems), program


def _repetition(request: ValidationRequest, pte: bytes, runs: Exercises, begin: Begin) -> Case:
    done = [(one.name, *one.ran) for one in runs.ran if one.ran is not None]
    if not done:
        return skipped("repeat", "the program did not run")
    name, inputs, outputs = done[-1]
    begin(f"running {name} again, on {THREADS} threads")
    before = [earlier for _, earlier, _ in done[:-1]] if runs.keeps_state else []
    start = runtime_start(pte, THREADS)
    return repetition_case(start, request.limits, name, inputs, outputs, before)


def _same(first: Sequence[Tensor], second: Sequence[Tensor]) -> Outcome:
    message = f"a new process with {THREADS} threads gives the same bits"
    if len(first) != len(second):
        return Outcome(message, (f"{len(first)} outputs, but {len(second)} when it ran again",))
    problems = tuple(
        f"output {number} differs {_how_far(one, other)} when a new process with {THREADS} threads "
        f"runs the same input: it depends on what ran before, or on the number of threads"
        for number, (one, other) in enumerate(zip(first, second))
        if one.dtype != other.dtype or not torch.equal(one, other)
    )
    return Outcome(message, problems)


def _how_far(one: Tensor, other: Tensor) -> str:
    if one.dtype != other.dtype or one.shape != other.shape:
        return "in its shape or element type"
    return f"by up to {float((one.double() - other.double()).abs().max()):.3g}"

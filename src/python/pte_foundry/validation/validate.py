"""Validate one program: all checks, in an order in which each relies on those before it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath

import torch
from torch import Tensor

from pte_foundry.errors import PteError
from pte_foundry.models.eager import EagerModel, build_eager
from pte_foundry.records.model_request import SEEDED
from pte_foundry.stages import Begin, tell
from pte_foundry.validation.case import Case, Outcome, run_case, run_case_for, skipped
from pte_foundry.validation.comparison import Comparison
from pte_foundry.validation.delegation import delegation_cases
from pte_foundry.validation.exercise import Exercise, exercise, unexercised
from pte_foundry.validation.expected_objects import expected_objects_outcome
from pte_foundry.validation.graph_cases import graph_cases
from pte_foundry.validation.inputs import (
    Inputs,
    fixed_input_sets,
    photograph_inputs,
    shown_photographs,
)
from pte_foundry.validation.interpretation import (
    describe_executed,
    interpretation_start,
    is_not_interpretable,
)
from pte_foundry.validation.isolation.child_process import ChildProcess
from pte_foundry.validation.payload_cases import executed_weights_case, payload_cases
from pte_foundry.validation.preprocessing import preprocessing_case
from pte_foundry.validation.executed import FIRST_THREADS, THREADS, repetition_case
from pte_foundry.validation.request import ValidationRequest
from pte_foundry.validation.result import INTERPRET
from pte_foundry.validation.runtime import runtime_start, signature_of, unregistered_delegates
from pte_foundry.validation.structure import signature_problems, structure_cases
from pte_foundry.validation.task import SEEDED_REASON, top_label_outcome
from pte_foundry.validation.trained import trained_cases

UNCALIBRATED_REASON = (
    "random inputs are outside of what calibration has seen: parity of an int8 program is judged "
    "on photographs"
)
ENDED_REASON = "the process that ran the program has ended on an earlier input"


@dataclass
class _Run:
    """A validation under way; `cases`, and what is known of photographs, grow.

    Attributes:
        program: the process that runs it; None if there is none.
        last_ran: name and result of the last input that it ran on.
        missing: why there is no comparison on a photograph, for each without one.
    """

    request: ValidationRequest
    eager: EagerModel | None
    program: ChildProcess | None
    why_no_program: str
    begin: Begin
    cases: list[Case] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    last_ran: tuple[str, Exercise] | None = None


def validate(request: ValidationRequest, pte: bytes, begin: Begin = tell) -> tuple[Case, ...]:
    """Check the bytes of a program; what goes wrong is a failed case, never an exception.

    Sets torch to one thread for good: the reference must not depend on the machine's core count,
    and idle OpenMP workers compete with the runtime's own threads.

    Args:
        begin: called with the name of each stage.
    """
    torch.set_num_threads(1)
    begin("inspecting the program")
    cases, facts = structure_cases(request, pte)
    if facts is not None:
        cases += delegation_cases(request.report, facts)
    absent = () if facts is None else unregistered_delegates(facts.delegates)
    fixed = fixed_input_sets(request)
    with ExitStack() as children:  # The process that has the program, if there is one.
        begin("loading the program")
        program_cases, program, why = _load(
            request, pte, absent, next(iter(fixed.values())), children, begin
        )
        begin("loading the model")
        eager_case, eager = run_case_for("reference", "build", lambda: _build(request))
        run = _Run(request, eager, program, why, begin, [*cases, *program_cases, eager_case])
        unjudged = UNCALIBRATED_REASON if request.is_quantized else None
        for name, inputs in fixed.items():
            _exercise(run, name, _constant(inputs), unjudged)
        _photographs(run)
        if not absent:
            run.cases += _repetition(run, pte)
        run.cases += trained_cases(
            request.checks.trained, request.model.weights.source, run.comparisons, run.missing
        )
        if request.interpreter:
            run.cases += _payload(run, bool(absent))
    if eager is not None and program is None and absent:
        run.cases += graph_cases(request, eager, begin)
    return tuple(run.cases)


def _load(
    request: ValidationRequest,
    pte: bytes,
    absent: tuple[str, ...],
    inputs: Inputs,
    children: ExitStack,
    begin: Begin,
) -> tuple[list[Case], ChildProcess | None, str]:
    """Load the program, into the runtime or an interpreter; else say why later checks have none.

    What does not parse is given to the runtime all the same: that is what a device would do.

    Args:
        absent: delegates that the runtime has no implementation of.
        inputs: that the program will be run on first.
        children: ends the process.
    """
    if not absent:
        case, program = run_case_for("load", "load", lambda: _loaded(request, pte, children))
        return [case], program, "the program did not load"
    why = (
        f"the runtime on this machine has no implementation of {', '.join(absent)}: "
        "the program was not executed"
    )
    if request.interpreter is None:
        return [skipped("load", why)], None, why
    begin("interpreting the program")
    interpreted, program = _interpret(request, request.interpreter, pte, inputs, children)
    return [skipped("load", why), interpreted], program, f"{why}, nor interpreted"


def _interpret(
    request: ValidationRequest, interpreter: str, pte: bytes, inputs: Inputs, children: ExitStack
) -> tuple[Case, ChildProcess | None]:
    """What the interpreter does not know is no fault of the program."""
    start = interpretation_start(interpreter, pte, inputs, request.report.options)
    try:
        child = children.enter_context(ChildProcess(start, request.limits))
    except PteError as error:
        if is_not_interpretable(error):
            return skipped(INTERPRET, str(error)), None
        return Case(INTERPRET, "structure", "failed", str(error), {}), None
    message = f"its payload runs in {interpreter}"
    return Case(INTERPRET, "structure", "passed", message, {}), child


def _loaded(
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


def _repetition(run: _Run, pte: bytes) -> list[Case]:
    if run.last_ran is None:
        return [skipped("repeat", "the program did not run")]
    name, ran = run.last_ran
    if ran.inputs is None or ran.outputs is None:
        raise ValueError("what ran has inputs and outputs")
    run.begin(f"running {name} again, on {THREADS} threads")
    start = runtime_start(pte, THREADS)
    return [repetition_case(start, run.request.limits, name, ran.inputs, ran.outputs)]


def _payload(run: _Run, interpreted: bool) -> list[Case]:
    """Of a program that ran: only its weights are compared if the runtime executed it."""
    if run.eager is None or run.program is None or run.program.ended:
        return []
    if interpreted:
        return payload_cases(run.request, run.program, run.eager, run.begin)
    return [executed_weights_case(run.request, run.program, run.eager, run.begin)]


def _build(request: ValidationRequest) -> tuple[Outcome, EagerModel]:
    eager = build_eager(request.model, request.root)
    return Outcome(f"eager fp32 model from {request.model.weights.source} weights"), eager


def _photographs(run: _Run) -> None:
    if run.eager is None:
        for path in shown_photographs(run.request):
            name = PurePosixPath(path).name
            run.cases.append(skipped(f"run:{name}", "without the model there is no preprocessing"))
        run.missing.append("there is no eager model to compare with")
        return
    run.cases.append(preprocessing_case(run.request.report.inputs, run.eager.definition.preprocess))
    prepared = photograph_inputs(run.request, run.eager.definition.preprocess)
    for path, prepare in prepared.items():
        name = PurePosixPath(path).name
        outputs = _exercise(run, name, prepare, photograph=True)
        expected = run.request.photographs[path]
        if expected is not None:
            run.cases.append(_task(run, name, expected, outputs))


def _exercise(
    run: _Run,
    name: str,
    prepare: Callable[[], Inputs],
    unjudged: str | None = None,
    photograph: bool = False,
) -> list[Tensor] | None:
    """The program's outputs, if it ran."""
    if run.program is None:
        exercised = unexercised(name, run.why_no_program)
    elif run.program.ended:
        exercised = unexercised(name, ENDED_REASON)
    else:
        run.begin(f"running and comparing {name}")
        names = [tensor.name for tensor in run.request.report.outputs]
        exercised = exercise(
            name,
            run.program,
            prepare,
            run.eager,
            names,
            run.request.checks,
            unjudged,
            run.request.classes,
        )
        if exercised.outputs is not None:
            run.last_ran = name, exercised
    run.cases += exercised.cases
    if photograph and exercised.comparison is not None:
        run.comparisons.append(exercised.comparison)
    elif photograph:
        run.missing.append(f"nothing was compared on {name}" if run.program else run.why_no_program)
    return exercised.outputs


def _task(run: _Run, name: str, expected: str, outputs: list[Tensor] | None) -> Case:
    if run.request.model.weights.source == SEEDED:
        return skipped(f"task:{name}", SEEDED_REASON)
    if not outputs:
        return skipped(f"task:{name}", f"it gave no output on {name}")
    scores = outputs[0]
    # A classifier has one score for each label, a detector rows of boxes.
    judge = top_label_outcome if scores.dim() == 2 else expected_objects_outcome
    return run_case(f"task:{name}", "mismatch", lambda: judge(scores, run.request.labels, expected))


def _constant(inputs: Inputs) -> Callable[[], Inputs]:
    return lambda: inputs

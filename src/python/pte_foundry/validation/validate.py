"""Validate one program: all checks, in an order in which each relies on those before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import torch
from torch import Tensor

from pte_foundry.errors import PteError
from pte_foundry.exporting.eager import EagerModel, build_eager
from pte_foundry.exporting.model_request import SEEDED
from pte_foundry.inspection.delegation import ProgramFacts
from pte_foundry.stages import Begin, tell
from pte_foundry.validation.case import Case, Outcome, run_case, run_case_for, skipped
from pte_foundry.validation.comparison import Comparison
from pte_foundry.validation.delegation import delegation_cases
from pte_foundry.validation.exercise import Runnable, exercise, unexercised
from pte_foundry.validation.expected_objects import expected_objects_outcome
from pte_foundry.validation.graph_cases import graph_cases
from pte_foundry.validation.inputs import Inputs, fixed_input_sets, photograph_inputs
from pte_foundry.validation.interpreted import (
    InterpretedRunner,
    interpret_program,
    is_not_interpretable,
)
from pte_foundry.validation.payload_cases import executed_weights_case, payload_cases
from pte_foundry.validation.preprocessing import preprocessing_case
from pte_foundry.validation.request import ValidationRequest
from pte_foundry.validation.result import INTERPRET
from pte_foundry.validation.runtime import LoadedProgram, load_program, unregistered_delegates
from pte_foundry.validation.structure import signature_problems, structure_cases
from pte_foundry.validation.task import SEEDED_REASON, top_label_outcome
from pte_foundry.validation.trained import trained_cases

UNCALIBRATED_REASON = (
    "random inputs are outside of what calibration has seen: parity of an int8 program is judged "
    "on photographs"
)


@dataclass
class _Run:
    """A validation under way; `cases`, and what is known of photographs, grow.

    Attributes:
        missing: why there is no comparison on a photograph, for each without one.
    """

    request: ValidationRequest
    eager: EagerModel | None
    program: Runnable | None
    why_no_program: str
    begin: Begin
    cases: list[Case] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


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
    begin("loading the program")
    fixed = fixed_input_sets(request)
    program_cases, program, why = _load(request, pte, facts, next(iter(fixed.values())), begin)
    begin("loading the model")
    eager_case, eager = run_case_for("reference", "build", lambda: _build(request))
    run = _Run(request, eager, program, why, begin, [*cases, *program_cases, eager_case])
    unjudged = UNCALIBRATED_REASON if request.is_quantized else None
    for number, (name, inputs) in enumerate(fixed.items()):
        # Twice once is enough: the longest run is minutes. An interpreter has no state to carry over.
        twice = number == 0 and isinstance(program, LoadedProgram)
        _exercise(run, name, _constant(inputs), unjudged, twice=twice)
    _photographs(run)
    run.cases += trained_cases(
        request.checks.trained, request.model.weights.source, run.comparisons, run.missing
    )
    if eager is not None and isinstance(program, InterpretedRunner):
        run.cases += payload_cases(request, program.program, eager, begin)
    elif eager is not None and program is not None and request.interpreter is not None:
        run.cases.append(executed_weights_case(request, request.interpreter, pte, eager, begin))
    if eager is not None and program is None and _cannot_be_executed(facts):
        run.cases += graph_cases(request, eager, begin)
    return tuple(run.cases)


def _cannot_be_executed(facts: ProgramFacts | None) -> bool:
    return facts is not None and bool(unregistered_delegates(facts.delegates))


def _load(
    request: ValidationRequest, pte: bytes, facts: ProgramFacts | None, inputs: Inputs, begin: Begin
) -> tuple[list[Case], Runnable | None, str]:
    """Load the program, into the runtime or an interpreter; else say why later checks have none."""
    if facts is None:
        # Bytes that the deserializer refuses could take the runtime, and this process, down.
        why = "the bytes do not parse, so they were not given to the runtime"
        return [Case("load", "load", "failed", why, {})], None, why
    found = facts
    absent = unregistered_delegates(found.delegates)
    if absent:
        why = (
            f"the runtime on this machine has no implementation of {', '.join(absent)}: "
            "the program was not executed"
        )
        if request.interpreter is None:
            return [skipped("load", why)], None, why
        begin("interpreting the program")
        interpreted, runner = _interpret(request.interpreter, pte, inputs)
        return [skipped("load", why), interpreted], runner, f"{why}, nor interpreted"
    case, program = run_case_for("load", "load", lambda: _loaded(request, pte))
    return [case], program, "the program did not load"


def _interpret(interpreter: str, pte: bytes, inputs: Inputs) -> tuple[Case, Runnable | None]:
    """What the interpreter does not know is no fault of the program."""
    try:
        outcome, runner = interpret_program(interpreter, pte, inputs)
    except PteError as error:
        if is_not_interpretable(error):
            return skipped(INTERPRET, str(error)), None
        return Case(INTERPRET, "structure", "failed", str(error), {}), None
    return Case(INTERPRET, "structure", "passed", outcome.message, outcome.measured), runner


def _loaded(request: ValidationRequest, pte: bytes) -> tuple[Outcome, LoadedProgram]:
    program = load_program(pte)
    problems = (
        *signature_problems("input", request.report.inputs, program.inputs),
        *signature_problems("output", request.report.outputs, program.outputs),
    )
    return Outcome("the runtime loads it, with the report's inputs and outputs", problems), program


def _build(request: ValidationRequest) -> tuple[Outcome, EagerModel]:
    eager = build_eager(request.model, request.root)
    return Outcome(f"eager fp32 model from {request.model.weights.source} weights"), eager


def _photographs(run: _Run) -> None:
    if run.eager is None:
        for path in sorted(run.request.photographs):
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
    twice: bool = False,
) -> list[Tensor] | None:
    """The program's outputs, if it ran."""
    if run.program is None:
        exercised = unexercised(name, run.why_no_program)
    else:
        run.begin(f"running and comparing {name}")
        names = [tensor.name for tensor in run.request.report.outputs]
        exercised = exercise(
            name, run.program, prepare, run.eager, names, run.request.checks, unjudged, twice
        )
    run.cases += exercised.cases
    if photograph and exercised.comparison is not None:
        run.comparisons.append(exercised.comparison)
    elif photograph:
        run.missing.append(f"nothing was compared on {name}" if run.program else run.why_no_program)
    return exercised.outputs


def _task(run: _Run, name: str, expected: str, outputs: list[Tensor] | None) -> Case:
    if run.request.model.weights.source == SEEDED:
        return skipped(f"task:{name}", SEEDED_REASON)
    if outputs is None:
        return skipped(f"task:{name}", f"it did not run on {name}")
    scores = outputs[0]
    # A classifier has one score for each label, a detector rows of boxes.
    judge = top_label_outcome if scores.dim() == 2 else expected_objects_outcome
    return run_case(f"task:{name}", "task", lambda: judge(scores, run.request.labels, expected))


def _constant(inputs: Inputs) -> Callable[[], Inputs]:
    return lambda: inputs

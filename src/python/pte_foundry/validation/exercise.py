"""Run a program on every input, and compare it with the eager model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from pte_foundry.models.eager import EagerModel, build_eager
from pte_foundry.models.forward import buffer_versions, kept_state, run_on
from pte_foundry.records.model_request import SEEDED
from pte_foundry.stages import Begin
from pte_foundry.validation.case import Case, Outcome, run_case, run_case_for, skipped
from pte_foundry.validation.cost import why_one_input
from pte_foundry.validation.dependence import depends_on_inputs
from pte_foundry.validation.inputs import (
    INPUTS_WITH_STATE,
    Inputs,
    fixed_input_sets,
    shown_files,
    shown_inputs,
)
from pte_foundry.validation.isolation.child_process import ChildProcess
from pte_foundry.validation.parity import Comparison, parity_outcome
from pte_foundry.validation.preprocessing import preprocessing_case
from pte_foundry.validation.request import ValidationRequest
from pte_foundry.validation.task import SEEDED_REASON, task_outcome
from pte_foundry.validation.without_compiler import without_compiler

UNCALIBRATED_REASON = (
    "random inputs are outside what calibration has seen: parity of an int8 program is judged "
    "on its photographs or samples"
)
ENDED_REASON = "the process that ran the program has ended on an earlier input"


@dataclass(frozen=True)
class Exercise:
    """The results for one input.

    Attributes:
        cases: `run:<name>`, `parity:<name>`, and `task:<name>` if it is known what a photograph shows.
        ran: inputs and outputs; None if the program did not run.
        comparison: with the eager model's outputs; None if they were not compared.
    """

    name: str
    cases: tuple[Case, ...]
    ran: tuple[Inputs, list[Tensor]] | None = None
    comparison: Comparison | None = None


@dataclass(frozen=True)
class Exercises:
    """The results for all inputs.

    Attributes:
        comparisons: one for each photograph and sample on which the outputs were compared.
        missing: for each other one, why there is none.
        ran: the inputs on which the program ran, in that order; empty if it never did.
        keeps_state: whether the model writes to its buffers, so that a run depends on those before it.
    """

    cases: tuple[Case, ...]
    comparisons: tuple[Comparison, ...]
    missing: tuple[str, ...]
    ran: tuple[Exercise, ...]
    keeps_state: bool = False


def reference_case(request: ValidationRequest, begin: Begin) -> tuple[Case, EagerModel | None]:
    """The case `reference`, and the eager model; None if it cannot be built."""
    begin("loading the model")

    def build() -> tuple[Outcome, EagerModel]:
        with without_compiler():
            eager = build_eager(request.model, request.root)
        return Outcome(f"eager fp32 model from {request.model.weights.source} weights"), eager

    return run_case_for("reference", "build", build)


def exercise_all(
    request: ValidationRequest,
    program: ChildProcess | str,
    eager: EagerModel | None,
    begin: Begin,
) -> Exercises:
    """Run on the fixed inputs, then on the photographs and samples; a slow program on one of them.

    Where a model keeps state between calls, program and eager model begin with that of the checkpoint and run
    on the same inputs in the same order. Afterwards the eager model has its first state again.

    Args:
        program: the process that runs it, or why there is none.
    """
    if eager is None:
        return _exercise_all(request, program, None, begin)
    with kept_state(eager.module):
        return _exercise_all(request, program, eager, begin)


def _exercise_all(
    request: ValidationRequest,
    program: ChildProcess | str,
    eager: EagerModel | None,
    begin: Begin,
) -> Exercises:
    one_only = None if eager is None else why_one_input(request, eager.module)
    unjudged = UNCALIBRATED_REASON if request.is_quantized and request.judged_on_files else None
    versions = [] if eager is None else buffer_versions(eager.module)

    def keeps_state() -> bool:
        return eager is not None and buffer_versions(eager.module) != versions

    def run_fixed() -> list[Exercise]:
        done: list[Exercise] = []
        sets = dict(fixed_input_sets(request))
        left_out: list[Exercise] = []
        if one_only is not None:
            needed = 0 if shown_files(request) else 1
            left_out = [_left_out(name, one_only) for name in list(sets)[needed:]]
            sets = dict(list(sets.items())[:needed])
        while len(done) < len(sets):
            name, inputs = list(sets.items())[len(done)]
            prepare = partial(tuple, inputs)
            done.append(_exercise(request, program, name, prepare, eager, begin, unjudged))
            if keeps_state():
                sets |= fixed_input_sets(request, INPUTS_WITH_STATE)
        return [*done, *left_out]

    # Where they are not judged, the eager model does not run: what they leave in a program may reach nothing else.
    fixed = [] if unjudged else run_fixed()
    preparation: list[Case] = []
    shown: list[Exercise] = []
    missing: list[str] = []
    if eager is None:
        reason = "without the model there is no preprocessing"
        for path in shown_files(request):
            preparation.append(skipped(f"run:{PurePosixPath(path).name}", reason))
        missing.append("there is no eager model to compare with")
    else:
        preprocess = eager.definition.preprocess
        preparation.append(preprocessing_case(request.report.inputs, preprocess))
        for path, prepare in shown_inputs(request, preprocess).items():
            name, label = PurePosixPath(path).name, request.photographs.get(path)
            one = _exercise(request, program, name, prepare, eager, begin, label=label)
            shown.append(one)
            if one.comparison is None:
                what = f"nothing was compared on {name}"
                missing.append(program if isinstance(program, str) else what)
    in_order = [*fixed, *shown]
    if unjudged:
        fixed = run_fixed()
        in_order = [*shown, *fixed]
    return Exercises(
        (*_cases(fixed), *preparation, *_cases(shown)),
        tuple(one.comparison for one in shown if one.comparison is not None),
        tuple(missing),
        tuple(one for one in in_order if one.ran is not None),
        keeps_state(),
    )


def compare(
    request: ValidationRequest,
    case_name: str,
    name: str,
    run: Callable[[], tuple[Inputs, Sequence[Tensor]]],
    eager: EagerModel,
) -> tuple[Case, Comparison | None]:
    """Hold outputs to the parity thresholds.

    Args:
        name: of the input.
        run: returns the inputs and the outputs; an exception fails the case.

    Returns:
        The case, and the comparison; None if the outputs cannot be compared.
    """

    def check() -> tuple[Outcome, Comparison]:
        inputs, outputs = run()
        expected = flat_outputs(eager.module, inputs)
        names = [tensor.name for tensor in request.report.outputs]
        outcome = parity_outcome(
            names,
            outputs,
            expected,
            request.checks,
            request.classes,
            lambda: depends_on_inputs(eager.module, inputs),
        )
        return outcome, Comparison(name, tuple(outputs), tuple(expected))

    return run_case_for(case_name, "mismatch", check)


def flat_outputs(module: Callable[..., object], inputs: Inputs) -> list[Tensor]:
    """Flattened as torch.export flattens them, which is the order of the program's outputs."""
    return list(pytree.tree_leaves(run_on(module, inputs)))


def _exercise(
    request: ValidationRequest,
    program: ChildProcess | str,
    name: str,
    prepare: Callable[[], Inputs],
    eager: EagerModel | None,
    begin: Begin,
    unjudged: str | None = None,
    label: str | None = None,
) -> Exercise:
    """Run on one input and compare.

    Args:
        unjudged: why parity on this input proves nothing; None if it proves something.
        label: what is on the photograph, see `Checks.photographs`; None if unknown.
    """
    run, parity = f"run:{name}", f"parity:{name}"
    if isinstance(program, str) or program.ended:
        reason = program if isinstance(program, str) else ENDED_REASON
        cases = skipped(run, reason), skipped(parity, reason)
        return Exercise(name, (*cases, *_task_cases(request, name, label, None)))
    begin(f"running and comparing {name}")
    ran_case, ran = run_case_for(run, "run", lambda: _run(program, prepare()))
    task = _task_cases(request, name, label, ran and ran[1])
    if ran is None:
        reason = "the program did not run"
    elif eager is None:
        reason = "there is no eager model to compare with"
    elif unjudged is not None:
        reason = unjudged
    else:
        case, comparison = compare(request, parity, name, lambda: ran, eager)
        return Exercise(name, (ran_case, case, *task), ran, comparison)
    return Exercise(name, (ran_case, skipped(parity, reason), *task), ran)


def _left_out(name: str, reason: str) -> Exercise:
    return Exercise(name, (skipped(f"run:{name}", reason), skipped(f"parity:{name}", reason)))


def _run(program: ChildProcess, inputs: Inputs) -> tuple[Outcome, tuple[Inputs, list[Tensor]]]:
    outputs = program.run(inputs)
    finite = all(torch.isfinite(output).all() for output in outputs)
    problems = () if finite else ("an output has elements that are not finite",)
    return Outcome("its outputs are finite", problems), (inputs, outputs)


def _task_cases(
    request: ValidationRequest, name: str, label: str | None, outputs: list[Tensor] | None
) -> tuple[Case, ...]:
    if label is None:
        return ()
    task = f"task:{name}"
    if request.model.weights.source == SEEDED:
        return (skipped(task, SEEDED_REASON),)
    if not outputs:
        return (skipped(task, f"it gave no output for {name}"),)
    first = outputs[0]
    return (run_case(task, "mismatch", lambda: task_outcome(first, request.labels, label)),)


def _cases(exercises: Sequence[Exercise]) -> list[Case]:
    return [case for one in exercises for case in one.cases]

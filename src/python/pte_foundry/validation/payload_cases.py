"""Cases for what a delegate's payload stores and declares, besides what it computes."""

from __future__ import annotations

import copy
from functools import partial

import torch
from torch import Tensor, nn

from pte_foundry.backends.content import PayloadContent
from pte_foundry.errors import PteError
from pte_foundry.models.eager import EagerModel
from pte_foundry.models.plugins import load_module
from pte_foundry.rewrites.surgery import unchecked
from pte_foundry.stages import Begin
from pte_foundry.validation.case import Case, Outcome, run_case, run_case_for, skipped
from pte_foundry.validation.described import Description, ask
from pte_foundry.validation.interpretation import is_not_interpretable
from pte_foundry.validation.isolation.child_process import ChildProcess
from pte_foundry.validation.payload_weights.comparison import weights_outcome
from pte_foundry.validation.payload_weights.model_constants import (
    ModelConstants,
    decomposed_constants,
    model_constants,
)
from pte_foundry.validation.request import ValidationRequest
from pte_foundry.validation.structure import signature_problems

PAYLOAD, WEIGHTS = "payload", "weights"
_COMPUTES_IN = {"fp16": "float16", "fp32": "float32", "int8": "float16"}
"""Precision of a program with an interpreter -> element type; int8 is only that of the weights."""

_REBUILD = "build the program again"


def payload_cases(
    request: ValidationRequest, program: ChildProcess, eager: EagerModel, begin: Begin
) -> list[Case]:
    """The cases `payload` (its form, precision and operators) and `weights` (every number that it stores).

    Args:
        program: the process that interpreted the payload.
    """
    begin("comparing the payload's weights")
    case, description = run_case_for(
        PAYLOAD, "structure", lambda: (Outcome("described"), ask(program))
    )
    if description is None:
        return [case, skipped(WEIGHTS, "the payload could not be described")]
    weights, constants = _weights(request, eager, description.content)
    if constants is None:
        return [weights]
    payload = run_case(PAYLOAD, "structure", lambda: _payload(request, description, constants))
    return [payload, weights]


def executed_weights_case(
    request: ValidationRequest, program: ChildProcess, eager: EagerModel, begin: Begin
) -> Case:
    """The case `weights` of a program that ran, which has proved its form.

    Args:
        program: the process that executed it.
    """
    begin("comparing the payload's weights")
    try:
        content = ask(program).content
    except PteError as error:
        if is_not_interpretable(error):
            return skipped(WEIGHTS, str(error))
        return Case(WEIGHTS, "structure", "failed", str(error), {})
    return _weights(request, eager, content)[0]


def _weights(
    request: ValidationRequest, eager: EagerModel, content: PayloadContent
) -> tuple[Case, ModelConstants | None]:
    def check() -> tuple[Outcome, ModelConstants]:
        module, inputs = _rewritten(request, eager)
        constants = model_constants(module, inputs, not content.keeps_batch_norms)
        decomposed = partial(decomposed_constants, module, inputs)
        return weights_outcome(content.constants, constants, decomposed), constants

    return run_case_for(WEIGHTS, "mismatch", check)


def _rewritten(
    request: ValidationRequest, eager: EagerModel
) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The model as it was lowered, and its example inputs, which a run may write to."""
    # A copy: rewrites may change the module, whose outputs are the reference.
    module: nn.Module = copy.deepcopy(eager.module)
    with torch.no_grad(), unchecked():
        for name in request.report.rewrites:
            rewrite = load_module("rewrites", name, ("rewrite",), __name__)
            module = rewrite.rewrite(module, eager.example_inputs)
    return module.eval(), tuple(one.clone() for one in eager.example_inputs)


def _payload(request: ValidationRequest, described: Description, model: ModelConstants) -> Outcome:
    report, content = request.report, described.content
    # The runtime converts what a delegate returns in its own precision.
    outputs = [
        (shape, "float32" if dtype == "float16" else dtype) for shape, dtype in content.outputs
    ]
    problems = [
        *signature_problems("input", report.inputs, content.inputs),
        *signature_problems("output", report.outputs, outputs),
        *(f"{problem}: {_REBUILD}" for problem in described.broken_options),
    ]
    precision = report.declared.precision
    wanted = _COMPUTES_IN.get(precision)
    if list(content.float_types) != [wanted]:
        problems.append(
            f"its precision is {precision}, but it computes in {dict(content.float_types)}: {_REBUILD}"
        )
    for what, here, there in (
        ("convolutions", content.convolutions, model.convolutions),
        ("matrix products", content.products, model.products),
    ):
        if here != there:
            problems.append(
                f"it has {here} {what}, but the rewritten model has {there}: {_REBUILD}"
            )
    measured = {
        "operators": dict(content.operators),
        "convolutions": content.convolutions,
        "products": content.products,
        "float_types": dict(content.float_types),
    }
    message = f"{sum(content.operators.values())} operators in {wanted}, with the report's inputs and outputs"
    return Outcome(message, tuple(problems), measured)

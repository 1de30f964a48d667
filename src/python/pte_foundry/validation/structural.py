"""Evidence `structural`: nothing here runs the program, so its bytes are all there is to judge.

For an int8 program, torch runs the graph that was handed to the backend: the model is rewritten and quantized
again, as in the export. That shows what quantization costs in accuracy. It does not show that the delegate
computes the same, so evidence stays structural.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath

import torch
from torch import Tensor, nn

from pte_foundry.models.eager import EagerModel, build_eager
from pte_foundry.models.plugins import load_module
from pte_foundry.quantization.recipe import (
    REQUIRED,
    Census,
    QuantizationRequest,
    Quantized,
    check_recipe,
)
from pte_foundry.records.quantization import Quantization
from pte_foundry.records.validation_request import QuantizedExportFiles
from pte_foundry.stages import Begin
from pte_foundry.validation.case import Case, Outcome, run_case_for, skipped
from pte_foundry.validation.exercise import compare, exercise_all, flat_outputs, reference_case
from pte_foundry.validation.inputs import Inputs, judged_inputs
from pte_foundry.validation.parity import Comparison
from pte_foundry.validation.request import ValidationRequest
from pte_foundry.validation.result import GRAPH_PREFIX as PREFIX
from pte_foundry.validation.trained import trained_cases

Graph = Callable[[Inputs], list[Tensor]]
"""One inference; outputs in the program's order."""

PROVES = (
    "; the quantized graph ran in torch: this shows what quantization costs, not that the delegate "
    "computes the same"
)


def structural_cases(request: ValidationRequest, why: str, begin: Begin) -> list[Case]:
    """The reference, a skipped case for each run, and the cases of the quantized graph.

    Args:
        why: the reason that the program does not run here.
    """
    reference, eager = reference_case(request, begin)
    runs = exercise_all(request, why, eager, begin)
    cases = [reference, *runs.cases, *trained_cases(request, runs.comparisons, runs.missing)]
    if eager is not None and request.quantized_export is not None:
        cases += _graph_cases(request, request.quantized_export, eager, begin)
    return cases


def _graph_cases(
    request: ValidationRequest, export: QuantizedExportFiles, eager: EagerModel, begin: Begin
) -> list[Case]:
    """Hold the graph, on each input that judges, to the program's thresholds; the cases' names begin with `graph:`."""
    begin("quantizing the model again")
    built, graph = run_case_for(
        f"{PREFIX}build", "build", lambda: _quantized_graph(request, export, begin)
    )
    cases, comparisons, missing = [built], list[Comparison](), list[str]()
    for path, prepare in judged_inputs(request, eager.definition.preprocess).items():
        name = PurePosixPath(path).name
        if graph is None:
            missing.append("the quantized graph was not built")
            cases.append(skipped(f"{PREFIX}{name}", missing[-1]))
            continue
        begin(f"comparing the quantized graph on {name}")
        case, comparison = _compared(request, eager, graph, name, prepare)
        cases.append(replace(case, message=case.message + PROVES))
        if comparison is None:
            missing.append(f"nothing was compared on {name}")
        else:
            comparisons.append(comparison)
    return [*cases, *trained_cases(request, comparisons, missing, PREFIX)]


def _compared(
    request: ValidationRequest,
    eager: EagerModel,
    graph: Graph,
    name: str,
    prepare: Callable[[], Inputs],
) -> tuple[Case, Comparison | None]:
    def run() -> tuple[Inputs, list[Tensor]]:
        inputs = prepare()
        return inputs, graph(inputs)

    return compare(request, f"{PREFIX}{name}", name, run, eager)


def _quantized_graph(
    request: ValidationRequest, export: QuantizedExportFiles, begin: Begin
) -> tuple[Outcome, Graph]:
    """Rewrite and quantize the model again, and compare with the report how much is quantized.

    Raises:
        PteError: what building the model, its rewrites and the recipe raise.
    """
    rewrites = [
        load_module("rewrites", name, ("rewrite",), "pte_foundry.rewrites.float_hardsigmoid")
        for name in export.rewrites
    ]
    recipe_name = export.quantization.recipe
    recipe = load_module(
        "quantization", recipe_name, REQUIRED, "pte_foundry.quantization.recipes.xnnpack_static"
    )
    calibration = export.quantization.calibration
    check_recipe(recipe_name, recipe, export.quantization.options, bool(calibration))
    with torch.no_grad():
        # Built again: rewrites may change the reference's module.
        eager = build_eager(request.model, request.root)
        module: nn.Module = eager.module
        for rewrite in rewrites:
            module = rewrite.rewrite(module, eager.example_inputs)
        files = {PurePosixPath(path).name: request.root / path for path in calibration}
        quantized: Quantized = recipe.quantize(
            QuantizationRequest(
                model=request.model.name,
                module=module.eval(),
                inputs=request.model.inputs,
                example_inputs=eager.example_inputs,
                preprocess=eager.definition.preprocess,
                calibration=dict(sorted(files.items())),
                options=export.quantization.options,
                begin=begin,
            )
        )
        graph = quantized.exported_program.module()
    problems = _differences(quantized.census, request.report.quantization)
    outcome = Outcome("the quantized graph is the one that the report counts", problems)
    return outcome, lambda inputs: flat_outputs(graph, inputs)


def _differences(census: Census, reported: Quantization | None) -> tuple[str, ...]:
    if reported is None:
        return ("the report says nothing about quantization",)
    pairs = {
        "weights_fraction": (round(census.weights_fraction, 6), reported.weights_fraction),
        "compute_fraction": (round(census.compute_fraction, 6), reported.compute_fraction),
        "quantized": (dict(census.quantized), dict(reported.quantized)),
        "in_float": (dict(census.in_float), dict(reported.in_float)),
    }
    return tuple(
        f"{name}: quantized again it is {found}, but the report says {stated}: build program and report "
        "again from one commit"
        for name, (found, stated) in pairs.items()
        if found != stated
    )

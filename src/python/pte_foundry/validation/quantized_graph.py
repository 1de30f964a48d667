"""The quantized graph in torch, for programs whose delegate this machine cannot execute.

The model is rewritten and quantized again, as the export did it, and the exported program that is
handed to the backend runs in torch. That shows what quantization costs in accuracy. It does not show
that the delegate computes the same: evidence stays structural.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

import torch
from torch import Tensor, nn

from pte_foundry.models.eager import build_eager
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
from pte_foundry.validation.case import Outcome
from pte_foundry.validation.exercise import flat_outputs
from pte_foundry.validation.inputs import Inputs
from pte_foundry.validation.request import ValidationRequest

Graph = Callable[[Inputs], list[Tensor]]
"""One inference; outputs in the order of the program's."""

PROVES = (
    "; the quantized graph ran in torch: this is what quantization costs, and no proof that the "
    "delegate computes the same"
)


def build_quantized_graph(
    request: ValidationRequest, export: QuantizedExportFiles, begin: Begin
) -> tuple[Outcome, Graph]:
    """Rewrite and quantize the model again, and compare how much is quantized with the report.

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
        # A model of its own: rewrites may change the reference's.
        eager = build_eager(request.model, request.root)
        module: nn.Module = eager.module
        for rewrite in rewrites:
            module = rewrite.rewrite(module, eager.example_inputs)
        pictures = {PurePosixPath(path).name: request.root / path for path in calibration}
        quantized: Quantized = recipe.quantize(
            QuantizationRequest(
                model=request.model.name,
                module=module.eval(),
                example_inputs=eager.example_inputs,
                preprocess=eager.definition.preprocess,
                calibration=dict(sorted(pictures.items())),
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
        return ("the report says nothing of quantization",)
    pairs = {
        "weights_fraction": (round(census.weights_fraction, 6), reported.weights_fraction),
        "compute_fraction": (round(census.compute_fraction, 6), reported.compute_fraction),
        "quantized": (dict(census.quantized), dict(reported.quantized)),
        "in_float": (dict(census.in_float), dict(reported.in_float)),
    }
    return tuple(
        f"{name}: quantized again it is {found}, the report says {stated}: build program and report "
        "again from one commit"
        for name, (found, stated) in pairs.items()
        if found != stated
    )

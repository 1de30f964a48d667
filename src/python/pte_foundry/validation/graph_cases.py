"""Cases of the quantized graph in torch, beside a program that this machine cannot execute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath

from torch import Tensor

from pte_foundry.models.eager import EagerModel
from pte_foundry.stages import Begin
from pte_foundry.validation.case import Case, run_case_for, skipped
from pte_foundry.validation.comparison import Comparison
from pte_foundry.validation.exercise import compare
from pte_foundry.validation.inputs import Inputs, photograph_inputs
from pte_foundry.validation.structural import PROVES, Graph, build_quantized_graph
from pte_foundry.validation.request import ValidationRequest
from pte_foundry.validation.result import GRAPH_PREFIX
from pte_foundry.validation.trained import trained_cases

PREFIX = GRAPH_PREFIX


def graph_cases(request: ValidationRequest, eager: EagerModel, begin: Begin) -> list[Case]:
    """Build the graph and hold it, on each photograph, to the thresholds of the program.

    None for a float program. The names begin with `graph:`.
    """
    export = request.quantized_export
    if export is None:
        return []
    begin("quantizing the model again")
    built, graph = run_case_for(
        f"{PREFIX}build", "build", lambda: build_quantized_graph(request, export, begin)
    )
    cases, missing = [built], []
    comparisons: list[Comparison] = []
    for path, prepare in photograph_inputs(request, eager.definition.preprocess).items():
        name = PurePosixPath(path).name
        if graph is None:
            missing.append("the quantized graph was not built")
            cases.append(skipped(f"{PREFIX}{name}", missing[-1]))
            continue
        begin(f"comparing the quantized graph on {name}")
        case, comparison = _compare(request, eager, graph, name, prepare)
        cases.append(case)
        if comparison is None:
            missing.append(f"nothing was compared on {name}")
        else:
            comparisons.append(comparison)
    return [
        *cases,
        *trained_cases(
            request.checks.trained, request.model.weights.source, comparisons, missing, PREFIX
        ),
    ]


def _compare(
    request: ValidationRequest,
    eager: EagerModel,
    graph: Graph,
    name: str,
    prepare: Callable[[], Inputs],
) -> tuple[Case, Comparison | None]:
    def run() -> tuple[Inputs, list[Tensor]]:
        inputs = prepare()
        return inputs, graph(inputs)

    names = [tensor.name for tensor in request.report.outputs]
    case, comparison = compare(
        f"{PREFIX}{name}", name, run, eager, names, request.checks, request.classes
    )
    return replace(case, message=case.message + PROVES), comparison

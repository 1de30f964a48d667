"""Export one model to one `.pte`."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import TypeVar

import torch
from executorch.exir._serialize import _flatbuffer  # type: ignore[import-untyped]
from torch import nn

from pte_foundry.backends.lowering import LoweringRequest, check_supported
from pte_foundry.causes import call_at_fault, cause_of, innermost, place_of, whole_message
from pte_foundry.errors import PteError
from pte_foundry.exporting.facts import export_facts, program_contract, quantization_facts
from pte_foundry.exporting.normalise import normalised
from pte_foundry.exporting.parameters import count_parameters
from pte_foundry.exporting.torch_export import export_module
from pte_foundry.inspection.delegation import inspect_program
from pte_foundry.models.eager import EagerModel, build_eager
from pte_foundry.models.plugins import load_module
from pte_foundry.quantization.recipe import REQUIRED, QuantizationRequest, check_recipe
from pte_foundry.records.export_request import ExportRequest, RequestedQuantization
from pte_foundry.records.quantization import Quantization
from pte_foundry.records.tensor_spec import dimension_ranges
from pte_foundry.rewrites.surgery import deferred_checks
from pte_foundry.speedups.install import speedups
from pte_foundry.speedups.upstream import replaced
from pte_foundry.stages import Begin, tell

QUANTIZED_PRECISION = "int8"

_T = TypeVar("_T")


@dataclass(frozen=True)
class ExportResult:
    """What an export makes.

    Attributes:
        pte: the program's bytes.
        facts: the content of facts.json (see `pte_foundry.exporting.facts`).
    """

    pte: bytes
    facts: dict[str, object]


def export(request: ExportRequest, root: Path, begin: Begin = tell) -> ExportResult:
    """Build, rewrite, export, lower, serialize and inspect.

    Runs torch with one thread: the order of float reductions must not depend on the machine where
    they reach the bytes.

    Args:
        root: folder that the request's checkpoint path is relative to.
        begin: called with the name of each stage.

    Raises:
        PteError: `bad-builder`, `bad-input-shape`, `bad-checkpoint`, `forbidden-pickle`,
            `bad-option`, `bad-calibration`, `unsupported-precision`, `lowering-failed`; and what
            the backend's `check_environment` raises.
    """
    backend = load_module(
        "lowering",
        request.lowering,
        ("PRECISIONS", "OPTIONS", "check_options", "lower"),
        "pte_foundry.backends.xnnpack.lowering",
    )
    # The backend checks these too, but only after minutes of work.
    check_supported(
        request.lowering, backend.PRECISIONS, backend.OPTIONS, request.precision, request.options
    )
    if hasattr(backend, "check_environment"):
        backend.check_environment()
    backend.check_options(request.options)
    recipe = _recipe(request)
    rewrites = [
        (
            name,
            load_module("rewrites", name, ("rewrite",), "pte_foundry.rewrites.float_hardsigmoid"),
        )
        for name in request.rewrites
    ]
    faster: AbstractContextManager[object] = nullcontext() if request.stock else speedups()
    with faster, _one_thread(), torch.no_grad():
        begin("loading the model")
        eager = build_eager(request.model, root)
        module: nn.Module = eager.module
        # Rewrites may change the module itself.
        parameters = count_parameters(module)
        with deferred_checks() as compare:
            for name, rewrite in rewrites:
                begin(f"rewriting with {name}")
                module = _phase(
                    request, f"the rewrite {name}", rewrite.rewrite, module, eager.example_inputs
                )
        if rewrites:
            begin("comparing the rewritten model")
            _phase(request, "the comparison of the rewritten model", compare)
        quantization: Quantization | None = None
        if request.quantization is None or recipe is None:
            begin("exporting")
            program = _phase(
                request, "torch.export", export_module, module, eager.example_inputs, request.model
            )
        else:
            quantized = _phase(
                request,
                request.quantization.recipe,
                recipe.quantize,
                _quantization_request(request, request.quantization, root, module, eager, begin),
            )
            program = quantized.exported_program
            quantization = quantization_facts(request.quantization, quantized.census, root)
        program = _phase(request, "torch.export", normalised, program)
        begin(f"lowering with {request.lowering}")
        stated = program_contract(request, eager.definition).methods()
        lowering = LoweringRequest(program, request.precision, request.options, stated)
        lowered = _phase(request, request.lowering, backend.lower, lowering)
        begin("serialising")
        pte = bytes(lowered.program.buffer)
    begin("inspecting")
    facts = export_facts(
        request,
        eager.definition,
        pte,
        inspect_program(pte),
        lowered,
        parameters,
        quantization,
    )
    return ExportResult(pte, facts.to_json())


def _recipe(request: ExportRequest) -> ModuleType | None:
    """The recipe module, its options checked.

    Raises:
        PteError: `unsupported-precision` if the precision and the recipe contradict each other,
            and what `load_module` and `check_recipe` raise.
    """
    quantization = request.quantization
    if (quantization is not None) != (request.precision == QUANTIZED_PRECISION):
        raise PteError(
            "unsupported-precision",
            f"model {request.model.name!r}: precision {request.precision!r} and "
            f"{'a' if quantization else 'no'} quantization recipe: a recipe belongs to the precision "
            f"{QUANTIZED_PRECISION!r} and to no other. Correct `precision` or `quantization`",
        )
    if quantization is None:
        return None
    if dimension_ranges(request.model.inputs):
        raise PteError(
            "bad-input-shape",
            f"model {request.model.name!r}: recipes quantize programs of fixed shapes, and it declares "
            f"{', '.join(map(str, request.model.inputs))}. Declare fixed sizes",
        )
    recipe = load_module(
        "quantization",
        quantization.recipe,
        REQUIRED,
        "pte_foundry.quantization.recipes.xnnpack_static",
    )
    check_recipe(quantization.recipe, recipe, quantization.options, bool(quantization.calibration))
    return recipe


def _quantization_request(
    request: ExportRequest,
    quantization: RequestedQuantization,
    root: Path,
    module: nn.Module,
    eager: EagerModel,
    begin: Begin,
) -> QuantizationRequest:
    files = {PurePosixPath(path).name: root / path for path in quantization.calibration}
    return QuantizationRequest(
        model=request.model.name,
        module=module.eval(),
        inputs=request.model.inputs,
        example_inputs=eager.example_inputs,
        preprocess=eager.definition.preprocess,
        calibration=dict(sorted(files.items())),
        options=quantization.options,
        begin=begin,
    )


def _phase(
    request: ExportRequest, what: str, function: Callable[..., _T], *arguments: object
) -> _T:
    """Run a phase whose failures are about the model and not about this program."""
    try:
        with _heard_compiler():
            return function(*arguments)
    except PteError as error:
        if error.kind != "lowering-failed" or error.message.startswith("model "):
            raise
        raise PteError(
            error.kind, f"model {request.model.name!r}, {what}: {error.message}"
        ) from error.__cause__
    except Exception as error:
        inner = innermost(error)
        frame = inner.__traceback__
        while frame is not None and frame.tb_next is not None:
            frame = frame.tb_next
        # The file's name only: its folder differs between machines.
        where = (
            f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame else "?"
        )
        node = call_at_fault(error)
        call = "" if node is None else f"It is about {node.target}, {place_of(node)}. "
        raise PteError(
            "lowering-failed",
            f"model {request.model.name!r}, {what}: {type(inner).__name__}: {whole_message(error)} (at {where}). "
            f"{call}{cause_of(error).advice}",
        ) from error


@contextmanager
def _heard_compiler() -> Iterator[None]:
    """Keep what ExecuTorch's compiler of flatbuffers writes, which says why it failed."""

    def run(arguments: Sequence[str]) -> None:
        subprocess.run(
            [_flatbuffer._get_flatc_path(), *arguments], check=True, capture_output=True, text=True
        )

    with replaced(_flatbuffer, "_run_flatc", run):
        yield


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)

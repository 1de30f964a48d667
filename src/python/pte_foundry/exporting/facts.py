"""The facts of an export: everything a reader of the artifact needs that the bytes alone don't say.

All of it is a function of the inputs: no time, host, path or address.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import asdict
from importlib import metadata
from pathlib import Path, PurePosixPath

from pte_foundry.backends.lowering import Lowered
from pte_foundry.errors import PteError
from pte_foundry.inspection.delegation import ProgramFacts, TensorFacts
from pte_foundry.models.definition import ModelDefinition, Normalisation
from pte_foundry.quantization.recipe import Census
from pte_foundry.records.contract import Contract
from pte_foundry.records.delegation import Delegation
from pte_foundry.records.export_request import ExportRequest, RequestedQuantization
from pte_foundry.records.facts import ExportedFile, Facts, Tensor
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.parameters import Parameters
from pte_foundry.records.quantization import CalibrationPicture, Quantization
from pte_foundry.records.tensor_spec import TensorSpec

# Distributions that can decide what ends up in a `.pte`; their modules bear the same names. Those of one backend alone
# are in its `Lowered.versions`.
_DISTRIBUTIONS = (
    "executorch",
    "numpy",
    "timm",
    "torch",
    "torchao",
    "torchvision",
    "ultralytics",
)


def program_contract(request: ExportRequest, definition: ModelDefinition) -> Contract:
    """What the program will say about itself: known before it is lowered, and the same as its report will say."""
    return Contract(
        model=request.model.name,
        backend=request.backend,
        precision=request.precision,
        labels_sha256=request.labels_sha256,
        inputs=tuple(
            {
                "name": contract.name,
                "shape": list(spec.shape),
                "dtype": spec.dtype,
                "layout": contract.layout,
                "normalisation": _normalisation(contract.normalisation),
                **_freedom(spec),
            }
            for contract, spec in zip(definition.inputs, request.model.inputs)
        ),
        outputs=tuple(
            {"name": contract.name, "description": contract.description}
            for contract in definition.outputs
        ),
    )


def export_facts(
    request: ExportRequest,
    definition: ModelDefinition,
    pte: bytes,
    program: ProgramFacts,
    lowered: Lowered,
    parameters: Parameters,
    quantization: Quantization | None = None,
) -> Facts:
    """The content of facts.json.

    Args:
        parameters: of the eager model before any rewrite, see `count_parameters`.
        quantization: see `quantization_facts`; None for a float program.

    Raises:
        PteError: `lowering-failed` if the program's inputs or outputs are not those that the
            builder and the request declare, or it does not state its contract.
    """
    _check_signature(request, definition, program)
    contract = program_contract(request, definition)
    if program.constant_methods != contract.methods():
        raise PteError(
            "lowering-failed",
            f"model {request.model.name!r}: {request.lowering} made a program with the constant methods "
            f"{sorted(program.constant_methods)}, which do not return what it was asked for. Lower with "
            "`pte_foundry.backends.lowering.lower_with`, and pass it the whole request",
        )
    outputs = [
        {**stated, "shape": list(tensor.shape), "dtype": tensor.dtype}
        for stated, tensor in zip(contract.outputs, program.outputs)
    ]
    return Facts(
        model=request.model.name,
        precision=request.precision,
        versions={**_package_versions(), **lowered.versions},
        options=request.options,
        rewrites=request.rewrites,
        quantization=quantization,
        inputs=tuple(Tensor.read(Fields(each, "inputs")) for each in contract.inputs),
        outputs=tuple(Tensor.read(Fields(each, "outputs")) for each in outputs),
        pte=ExportedFile(hashlib.sha256(pte).hexdigest(), len(pte)),
        delegation=Delegation(
            program.delegates, program.undelegated, lowered.operators_before_lowering
        ),
        parameters=parameters,
        planned_memory_bytes=program.planned_memory_bytes,
    )


def quantization_facts(
    quantization: RequestedQuantization, census: Census, root: Path
) -> Quantization:
    """How a program was quantized, with which pictures (by SHA-256), and how much of it."""
    return Quantization(
        recipe=quantization.recipe,
        options=quantization.options,
        calibration=tuple(
            CalibrationPicture(
                PurePosixPath(path).name, hashlib.sha256((root / path).read_bytes()).hexdigest()
            )
            for path in sorted(quantization.calibration, key=lambda path: PurePosixPath(path).name)
        ),
        weights_fraction=round(census.weights_fraction, 6),
        compute_fraction=round(census.compute_fraction, 6),
        quantized=census.quantized,
        in_float=census.in_float,
    )


def _check_signature(
    request: ExportRequest, definition: ModelDefinition, program: ProgramFacts
) -> None:
    declared = [(spec.shape, spec.dtype) for spec in request.model.inputs]
    found = [(tensor.shape, tensor.dtype) for tensor in program.inputs]
    if declared != found:
        raise _mismatch(request, f"takes {found}, while {declared} are declared")
    if len(program.outputs) != len(definition.outputs):
        names = [contract.name for contract in definition.outputs]
        raise _mismatch(
            request, f"has {len(program.outputs)} outputs, while the builder names {names}"
        )
    for tensor in (*program.inputs, *program.outputs):
        if not _contiguous(tensor):
            raise _mismatch(request, f"has a tensor of memory order {tensor.dim_order}")


def _contiguous(tensor: TensorFacts) -> bool:
    return tensor.dim_order == tuple(range(len(tensor.shape)))


def _mismatch(request: ExportRequest, what: str) -> PteError:
    return PteError(
        "lowering-failed",
        f"model {request.model.name!r}: the lowered program {what}. "
        f"Correct {request.model.builder} or `inputs`",
    )


def _normalisation(normalisation: Normalisation | None) -> dict[str, object] | None:
    if normalisation is None:
        return None
    return {
        "scale": normalisation.scale,
        "mean": list(normalisation.mean),
        "std": list(normalisation.std),
        "colour": normalisation.colour,
        "resize": normalisation.resize,
    }


def _freedom(spec: TensorSpec) -> dict[str, object]:
    """Dynamic dimensions and the range of values; neither key is there for an input without."""
    freedom: dict[str, object] = {}
    if spec.dynamic:
        freedom["dynamic"] = [asdict(dim) for dim in spec.dynamic]
    if spec.values is not None:
        freedom["values"] = list(spec.values)
    return freedom


def _package_versions() -> dict[str, str]:
    # Only what this export has imported: what else happens to be installed has no part in the
    # bytes.
    return {name: metadata.version(name) for name in _DISTRIBUTIONS if name in sys.modules}

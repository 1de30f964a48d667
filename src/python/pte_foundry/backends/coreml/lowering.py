"""CoreML: the Neural Engine, GPU and CPU of Apple's devices."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import metadata
from typing import Any

import coremltools  # type: ignore[import-untyped]
import torch
from coremltools.converters.mil.frontend.torch.internal_graph import (  # type: ignore[import-untyped]
    InternalTorchIRNode,
)
from executorch.backends.apple.coreml.compiler import (  # type: ignore[import-untyped]
    CoreMLBackend,
)
from executorch.backends.apple.coreml.partition.coreml_partitioner import (  # type: ignore[import-untyped]
    CoreMLPartitioner,
    _OperatorsSupportedForCoreMLBackend,
)
from executorch.exir.backend.backend_details import (  # type: ignore[import-untyped]
    PreprocessResult,
)
from executorch.exir.backend.compile_spec_schema import (  # type: ignore[import-untyped]
    CompileSpec,
)
from executorch.exir.dialects.edge._ops import EdgeOpOverload  # type: ignore[import-untyped]
from torch import Tensor
from torch.export import ExportedProgram, default_decompositions
from torch.fx import Node

from pte_foundry.backends.coreml.canonical import canonical_payload
from pte_foundry.backends.left_to_kernels import lower_without_refused
from pte_foundry.backends.lowering import (
    Lowered,
    LoweringRequest,
    check_supported,
    lower_with,
    without_assertions,
)
from pte_foundry.backends.option_values import choose

_SPELLED_OUT = (torch.ops.aten.einsum.default, torch.ops.aten.affine_grid_generator.default)
"""The converter claims both, and fails at some equations, and at affine grids that are sampled."""

_NOT_DELEGATED = ("stft.center", "stft.default", "aten.nonzero.default")
"""The first two are made of complex numbers, whatever they return. Places that are not zero CoreML has in rows, where
the program has columns."""

_DEFAULT_TARGET = "iOS17"
_DEFAULT_UNITS = "ALL"
# ML programs, the only kind of model that ExecuTorch makes, exist since iOS 15 and its siblings.
_TARGETS: tuple[str, ...] = (
    _DEFAULT_TARGET,
    *(
        name
        for name, target in coremltools.target.__members__.items()
        if target >= coremltools.target.iOS15 and name != _DEFAULT_TARGET
    ),
)
_UNITS: tuple[str, ...] = (
    _DEFAULT_UNITS,
    *(unit.name for unit in coremltools.ComputeUnit if unit.name != _DEFAULT_UNITS),
)

# int8 is weights only, if the program has quantized ones; computations are float16 in both.
PRECISIONS: tuple[str, ...] = ("fp16", "int8")
OPTIONS: Mapping[str, str] = {
    "minimum_deployment_target": "oldest system that the program is to run on, a name of "
    f"coremltools.target from iOS15 on. Default {_DEFAULT_TARGET}. It decides the version of the "
    "model's specification and which operators the conversion may use",
    "compute_units": "what the program may run on, a name of coremltools.ComputeUnit: "
    f"{', '.join(_UNITS)}. Default {_DEFAULT_UNITS}",
}


def check_options(options: Mapping[str, str]) -> None:
    """Raises PteError `bad-option` for a value that CoreML does not have."""
    _target(options)
    _units(options)


def lower(request: LoweringRequest) -> Lowered:
    """Lower every operator that CoreML takes, at float16, to the delegate `CoreMLBackend`.

    What its converter fails at is decomposed, or left to kernels. A weight that the program dequantizes is stored as
    integers and dequantized by CoreML.

    The model package in the program is canonical (see `canonical.py`). Inputs and outputs of
    the program stay float32.

    Raises:
        PteError: `unsupported-precision`, `bad-option`.
    """
    check_supported(__name__, PRECISIONS, OPTIONS, request.precision, request.options)
    specs = CoreMLBackend.generate_compile_specs(
        compute_unit=coremltools.ComputeUnit[_units(request.options)],
        minimum_deployment_target=coremltools.target[_target(request.options)],
        compute_precision=coremltools.precision.FLOAT16,
        # The other kind, a compiled model, can be made on macOS only.
        model_type=CoreMLBackend.MODEL_TYPE.MODEL,
    )

    def without(request: LoweringRequest, refused: Collection[EdgeOpOverload]) -> Lowered:
        partitioner = CoreMLPartitioner(
            compile_specs=specs,
            # State stays in the program: as CoreML's own it would need iOS 18.
            take_over_mutable_buffer=False,
            # By their names in the edge dialect, and in ATen, where it asks which not to decompose.
            skip_ops_for_coreml_delegation=sorted(
                {name.lower() for one in refused for name in (one.__name__, one._op.__name__)}
                | {*_NOT_DELEGATED}
            ),
        )
        return lower_with(request, [partitioner], transform_passes=[without_assertions])

    spelled_out = replace(request, exported_program=_spelled_out(request.exported_program))
    with _canonical_payloads(), _without_complex_numbers():
        lowered = lower_without_refused(spelled_out, without)
    return replace(lowered, versions={"coremltools": metadata.version("coremltools")})


def _spelled_out(program: ExportedProgram) -> ExportedProgram:
    """The program with operators that the converter fails at made of those that it takes."""
    found = {node.target for node in program.graph.nodes}.intersection(_SPELLED_OUT)
    if not found:
        return program
    table = default_decompositions()
    made: ExportedProgram = program.run_decompositions({one: table[one] for one in found})
    return made


def _target(options: Mapping[str, str]) -> str:
    return choose(__name__, options, "minimum_deployment_target", _TARGETS)


def _units(options: Mapping[str, str]) -> str:
    return choose(__name__, options, "compute_units", _UNITS)


@contextmanager
def _canonical_payloads() -> Iterator[None]:
    """Canonicalise what the delegate's `preprocess` returns.

    ExecuTorch finds the delegate by its class and has no hook between a payload and the program
    that it is written into, so the method is exchanged for the time of one lowering.
    """
    original = CoreMLBackend.preprocess

    def preprocess(program: ExportedProgram, specs: Sequence[CompileSpec]) -> PreprocessResult:
        try:
            result = original(program, specs)
        except Exception as error:
            # `call_at_fault` reads it: the converter has no node of the graph at hand.
            node = _node_at_fault(error, program)  # noqa: F841
            raise
        return replace(result, processed_bytes=canonical_payload(result.processed_bytes))

    CoreMLBackend.preprocess = staticmethod(preprocess)
    try:
        yield
    finally:
        CoreMLBackend.preprocess = staticmethod(original)


@contextmanager
def _without_complex_numbers() -> Iterator[None]:
    """Have the partitioner leave calls that take or return complex numbers: no delegate has them as inputs or outputs.

    Its list of operators to skip cannot tell them from other calls of the same operator.
    """
    original = _OperatorsSupportedForCoreMLBackend.is_node_supported

    def is_node_supported(support: Any, submodules: Any, node: Node) -> bool:
        if any(map(_is_complex, (node, *node.all_input_nodes))):
            return False
        return bool(original(support, submodules, node))

    _OperatorsSupportedForCoreMLBackend.is_node_supported = is_node_supported
    try:
        yield
    finally:
        _OperatorsSupportedForCoreMLBackend.is_node_supported = original


def _is_complex(node: Node) -> bool:
    value = node.meta.get("val")
    return isinstance(value, Tensor) and value.is_complex()


def _node_at_fault(error: BaseException, program: ExportedProgram) -> Node | None:
    """The call that the converter was at, which it knows by its name in the delegate's graph.

    Failing that, the first call in a graph without inputs, which no delegate has, such as a linspace.
    """
    traceback, name = error.__traceback__, None
    while traceback is not None:
        converted = traceback.tb_frame.f_locals.get("node")
        if isinstance(converted, InternalTorchIRNode):
            name = converted.name
        traceback = traceback.tb_next
    calls = [node for node in program.graph.nodes if node.op == "call_function"]
    named = [node for node in calls if node.name == name]
    without_inputs = [] if program.graph_signature.user_inputs else calls
    return next(iter([*named, *without_inputs]), None)

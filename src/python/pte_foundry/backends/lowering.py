"""What every backend module has in common: its contract, its checks, and the lowering itself.

A backend module has

- `PRECISIONS`, the default one first, and `OPTIONS` (name -> help);
- `check_options(options)`, which raises PteError `bad-option` for a value that `lower` would refuse. It
  needs no model and takes no time, so that an export calls it before any work. Unknown names are the
  business of `check_supported`;
- `lower(request) -> Lowered`;
- if it needs more than its Python packages, `check_environment()`, which raises PteError if that is not
  there. It is asked before any work too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import torch
from executorch.exir import (  # type: ignore[import-untyped]
    EdgeCompileConfig,
    EdgeProgramManager,
    ExecutorchBackendConfig,
    ExecutorchProgramManager,
    to_edge_transform_and_lower,
)
from executorch.exir.backend.partitioner import Partitioner  # type: ignore[import-untyped]
from executorch.exir.dialects.edge._ops import EdgeOpOverload  # type: ignore[import-untyped]
from executorch.exir.passes.remove_graph_asserts_pass import (  # type: ignore[import-untyped]
    RemoveGraphAssertsPass,
)
from torch._export.verifier import SpecViolationError
from torch._ops import OpOverload
from torch.export import ExportedProgram
from torch.fx import GraphModule, Node
from torch.fx.passes.infra.pass_base import PassResult

from pte_foundry.backends.computed_constants import ComputedConstants
from pte_foundry.backends.decompositions import decomposed
from pte_foundry.backends.kernels import beyond_kernels, calls_of, places_of, without_kernel
from pte_foundry.causes import missing_kernels, named_operators
from pte_foundry.errors import PteError


@dataclass(frozen=True)
class LoweringRequest:
    """What a backend is asked for.

    Attributes:
        exported_program: in ATen dialect, float32.
        precision: one of the backend's `PRECISIONS`.
        options: names out of the backend's `OPTIONS`, values as text.
        constant_methods: name of each method that the program gets besides `forward` -> the texts that it returns.
    """

    exported_program: ExportedProgram
    precision: str
    options: Mapping[str, str]
    constant_methods: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Lowered:
    """What a backend returns.

    Attributes:
        program: the ExecuTorch program; `program.buffer` are the bytes of the `.pte`.
        operators_before_lowering: operator calls in the edge-dialect graph just before the first
            partitioner sees it: one per `call_function` node whose target is an operator. Tuple
            accesses (`getitem`) are not operators. Operators that the partitioner keeps whole
            (such as `aten.linear`) count once.
        versions: name -> version of what made the bytes and this backend alone needs: an SDK, a package.
    """

    program: ExecutorchProgramManager
    operators_before_lowering: int
    versions: Mapping[str, str] = field(default_factory=dict)


def check_supported(
    backend: str,
    precisions: Sequence[str],
    known_options: Mapping[str, str],
    precision: str,
    options: Mapping[str, str],
) -> None:
    """Refuse what a backend does not have.

    Raises:
        PteError: `unsupported-precision` or `bad-option`, naming what there is.
    """
    if precision not in precisions:
        raise PteError(
            "unsupported-precision",
            f"{backend} has no precision {precision!r}; it has {', '.join(precisions)}. "
            "Correct `precision`, or choose another backend",
        )
    unknown = sorted(options.keys() - known_options.keys())
    if unknown:
        known = "; ".join(f"{name}: {text}" for name, text in sorted(known_options.items()))
        raise PteError(
            "bad-option",
            f"{backend} has no option {', '.join(map(repr, unknown))}; "
            f"it has {known or 'no options at all'}. Correct `options`",
        )


def lower_with(
    request: LoweringRequest,
    partitioners: Sequence[Partitioner],
    *,
    transform_passes: Sequence[Callable[[GraphModule], PassResult | None]] = (),
    compile_config: EdgeCompileConfig | None = None,
    executorch_config: ExecutorchBackendConfig | None = None,
) -> Lowered:
    """Convert to the edge dialect, hand the graph to each partitioner in turn, plan the memory, add constant methods.

    An operator that no delegate takes and the runtime has no kernel of is replaced by what it is made of, if
    torch, one of the target's `imports` or `decompositions` says so. What the graph computes from
    no input becomes a constant (`computed_constants`). Buffers that the program writes to keep their values.

    Args:
        transform_passes: run in this order on the edge-dialect graph before the first partitioner.
        compile_config: of the edge dialect, for partitioners that do not take all of it.

    Raises:
        PteError: `lowering-failed` for an operator without a kernel; names it, and where the model calls it.
    """
    counts: list[int] = []

    def count_operators(graph_module: GraphModule) -> PassResult:
        counts.append(
            sum(
                node.op == "call_function" and isinstance(node.target, (EdgeOpOverload, OpOverload))
                for node in graph_module.graph.nodes
            )
        )
        return PassResult(graph_module, False)

    def lower_once(program: ExportedProgram) -> Lowered:
        counts.clear()
        edge = _to_edge(
            program,
            [ComputedConstants(), *transform_passes, count_operators],
            list(partitioners),
            compile_config or EdgeCompileConfig(),
            request.constant_methods,
        )
        _keep_initial_state(edge.exported_program())
        calls = calls_of(edge.exported_program())
        if refused := beyond_kernels(calls):
            raise _NoKernel([*refused], [node for nodes in refused.values() for node in nodes])
        try:
            lowered = edge.to_executorch(executorch_config or ExecutorchBackendConfig())
        except Exception as error:
            if names := named_operators(error):
                raise _NoKernel(names, calls) from error
            raise
        if names := without_kernel(lowered.executorch_program):
            raise _NoKernel(names, calls)
        return Lowered(lowered, counts[-1])

    program, spelled_out, deep = request.exported_program, set[str](), False
    while True:
        try:
            with _constants_kept(program):
                return lower_once(program)
        except _NoKernel as missing:
            seen = spelled_out.issuperset(missing.names)
            spelled_out.update(missing.names)
            # What was spelled out and is there again, or is not to be seen, is hidden in composite operators.
            depths = ([] if seen else [deep]) + ([] if deep else [True])
            for deep in depths:
                # Of the original, which has composite operators whole.
                found = decomposed(spelled_out, request.exported_program, deep)
                if found is not None:
                    program = found
                    break
            else:
                raise missing.told() from missing.__cause__


def without_assertions(graph_module: GraphModule) -> PassResult:
    """Without checks of sizes that depend on values: partitioners claim them, but a delegate has to return a value."""
    if not any(
        node.target is torch.ops.aten._assert_scalar.default for node in graph_module.graph.nodes
    ):
        return PassResult(graph_module, False)
    result: PassResult = RemoveGraphAssertsPass()(graph_module)
    return result


@contextmanager
def _constants_kept(program: ExportedProgram) -> Iterator[None]:
    """Partitioners take constants out of a program, which another attempt needs."""
    constants = dict(program.constants)
    try:
        yield
    finally:
        program.constants.update(constants)


class _NoKernel(Exception):
    """Operators that no delegate takes and the runtime has no kernel of, and all calls that are left to it."""

    def __init__(self, names: Sequence[str], calls: Sequence[Node]) -> None:
        super().__init__(", ".join(names))
        self.names = names
        self.calls = calls

    def told(self) -> PteError:
        return missing_kernels(places_of(self.names, self.calls))


def _to_edge(
    program: ExportedProgram,
    passes: Sequence[Callable[[GraphModule], PassResult | None]],
    partitioners: Sequence[Partitioner],
    config: EdgeCompileConfig,
    constant_methods: Mapping[str, tuple[str, ...]],
) -> EdgeProgramManager:
    def convert(config: EdgeCompileConfig) -> EdgeProgramManager:
        return to_edge_transform_and_lower(
            program,
            transform_passes=list(passes),
            partitioner=list(partitioners),
            compile_config=config,
            # A list of texts: each is an output of the method.
            constant_methods={name: list(texts) for name, texts in constant_methods.items()},
        )

    try:
        return convert(replace(config))
    except SpecViolationError as error:
        if not (named_operators(error) or "torch.complex" in str(error)):
            raise
        # It asks for Core ATen and its element types; the runtime has kernels of operators beyond it, such as Fourier
        # transforms. What it has none of is found in the program.
        return convert(replace(config, _check_ir_validity=False))


def _keep_initial_state(program: ExportedProgram) -> None:
    """Store the values of buffers that the program writes to: by itself ExecuTorch leaves them undefined."""
    signature = program.graph_signature
    written = set(signature.buffers_to_mutate.values())
    for node in program.graph.nodes:
        if node.op == "placeholder" and signature.inputs_to_buffers.get(node.name) in written:
            node.meta["et_init_buffer"] = True

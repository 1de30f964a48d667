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

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from executorch.exir import (  # type: ignore[import-untyped]
    EdgeCompileConfig,
    ExecutorchBackendConfig,
    ExecutorchProgramManager,
    to_edge_transform_and_lower,
)
from executorch.exir.backend.partitioner import Partitioner  # type: ignore[import-untyped]
from executorch.exir.dialects.edge._ops import EdgeOpOverload  # type: ignore[import-untyped]
from torch._ops import OpOverload
from torch.export import ExportedProgram
from torch.fx import GraphModule
from torch.fx.passes.infra.pass_base import PassResult

from pte_foundry.errors import PteError


@dataclass(frozen=True)
class LoweringRequest:
    """What a backend is asked for.

    Attributes:
        exported_program: in ATen dialect, float32.
        precision: one of the backend's `PRECISIONS`.
        options: names out of the backend's `OPTIONS`, values as text.
    """

    exported_program: ExportedProgram
    precision: str
    options: Mapping[str, str]


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
    exported_program: ExportedProgram,
    partitioners: Sequence[Partitioner],
    *,
    transform_passes: Sequence[Callable[[GraphModule], PassResult | None]] = (),
    compile_config: EdgeCompileConfig | None = None,
    executorch_config: ExecutorchBackendConfig | None = None,
) -> Lowered:
    """Convert to the edge dialect, hand the graph to each partitioner in turn, plan the memory.

    Args:
        transform_passes: run in this order on the edge-dialect graph before the first partitioner.
        compile_config: of the edge dialect, for partitioners that do not take all of it.
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

    edge = to_edge_transform_and_lower(
        exported_program,
        transform_passes=[*transform_passes, count_operators],
        partitioner=list(partitioners),
        compile_config=compile_config or EdgeCompileConfig(),
    )
    (count,) = counts
    return Lowered(edge.to_executorch(executorch_config or ExecutorchBackendConfig()), count)

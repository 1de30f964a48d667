"""MPS: Apple's GPUs through Metal Performance Shaders Graph.

1.4 is the last ExecuTorch that has this backend: its toolchain is `toolchains/executorch_1_4`. New apps for Apple's
devices should prefer CoreML.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from executorch.backends.apple.mps.partition.mps_partitioner import (  # type: ignore[import-untyped]
    MPSPartitioner,
)
from executorch.exir import EdgeCompileConfig  # type: ignore[import-untyped]
from executorch.exir.backend.compile_spec_schema import (  # type: ignore[import-untyped]
    CompileSpec,
)
from torch.export import ExportedProgram

from pte_foundry.backends.lowering import Lowered, LoweringRequest, check_supported, lower_with
from pte_foundry.backends.option_values import choose
from pte_foundry.errors import PteError

PRECISIONS: tuple[str, ...] = ("fp16",)
OPTIONS: Mapping[str, str] = {
    "use_fp16": "`true`: store and compute in float16, which the precision fp16 means; inputs and "
    "outputs of the program stay float32",
}


def check_options(options: Mapping[str, str]) -> None:
    """Raises PteError `bad-option` for a value that MPS does not have."""
    choose(__name__, options, "use_fp16", ("true",))


def lower(request: LoweringRequest) -> Lowered:
    """Lower every operator that MPS takes, at float16, to the delegate `MPSBackend`.

    Raises:
        PteError: `unsupported-precision`, `bad-option`; `lowering-failed` for a transposed
            convolution.
    """
    check_supported(__name__, PRECISIONS, OPTIONS, request.precision, request.options)
    check_options(request.options)
    _refuse_transposed_convolutions(request.exported_program)
    # One byte, read as a bool (MPSBackend.preprocess).
    partitioner = MPSPartitioner([CompileSpec("use_fp16", b"\x01")])
    # It knows `aten.clone`, which dropout and reshapes after a transpose leave, by this name only and
    # not as the edge dialect's `_clone_dim_order`.
    config = EdgeCompileConfig(_skip_dim_order=True)
    with _warnings_only():
        return lower_with(request, [partitioner], compile_config=config)


def _refuse_transposed_convolutions(program: ExportedProgram) -> None:
    """The partitioner takes them, and writes them down as plain convolutions: a wrong program."""
    for node in program.graph.nodes:
        name = str(node.target)
        transposed = name.startswith("aten.conv_transpose") or (
            name.startswith("aten.convolution.") and node.args[6]
        )
        if node.op == "call_function" and transposed:
            raise PteError(
                "lowering-failed",
                f"{__name__}: {node.name} is a transposed convolution, which MPS would compute as a "
                "plain one. Take the rewrite that makes it out of `rewrites`, or choose CoreML",
            )


@contextmanager
def _warnings_only() -> Iterator[None]:
    # Importing the partitioner turns the root logger to INFO, and lowering then reports every node.
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.WARNING)
    try:
        yield
    finally:
        root.setLevel(level)

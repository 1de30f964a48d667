"""MPS: Apple's GPUs through Metal Performance Shaders Graph.

ExecuTorch deprecates this backend: 1.4 is the last release that has it. New apps for Apple's devices
should prefer CoreML.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from executorch.backends.apple.mps.partition.mps_partitioner import (  # type: ignore[import-untyped]
    MPSPartitioner,
)
from executorch.exir.backend.compile_spec_schema import (  # type: ignore[import-untyped]
    CompileSpec,
)

from pte_foundry.backends.lowering import Lowered, LoweringRequest, check_supported, lower_with
from pte_foundry.backends.option_values import choose

PRECISIONS: tuple[str, ...] = ("fp16",)
OPTIONS: Mapping[str, str] = {
    "use_fp16": "`true`: store and compute in float16, which the precision fp16 means; inputs and "
    "outputs of the program stay float32",
}


def lower(request: LoweringRequest) -> Lowered:
    """Lower every operator that MPS takes, at float16, to the delegate `MPSBackend`.

    Raises:
        PteError: `unsupported-precision`, `bad-option`.
    """
    check_supported(__name__, PRECISIONS, OPTIONS, request.precision, request.options)
    choose(__name__, request.options, "use_fp16", ("true",))
    # One byte, read as a bool (MPSBackend.preprocess).
    partitioner = MPSPartitioner([CompileSpec("use_fp16", b"\x01")])
    with _warnings_only():
        return lower_with(request.exported_program, [partitioner])


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

"""ExecuTorch's portable kernels: no delegate, runs wherever the runtime does."""

from __future__ import annotations

from collections.abc import Mapping

from pte_foundry.backends.lowering import Lowered, LoweringRequest, check_supported, lower_with

PRECISIONS: tuple[str, ...] = ("fp32",)
OPTIONS: Mapping[str, str] = {}


def check_options(options: Mapping[str, str]) -> None:
    """There is no option whose value could be wrong."""


def lower(request: LoweringRequest) -> Lowered:
    """Lower without any partitioner.

    Raises:
        PteError: `unsupported-precision`, `bad-option`.
    """
    check_supported(__name__, PRECISIONS, OPTIONS, request.precision, request.options)
    return lower_with(request, [])

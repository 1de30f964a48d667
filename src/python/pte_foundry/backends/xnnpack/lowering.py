"""XNNPACK: optimised CPU kernels for Arm and x86."""

from __future__ import annotations

from collections.abc import Mapping

from executorch.backends.xnnpack.partition.config import (  # type: ignore[import-untyped]
    ALL_PARTITIONER_CONFIGS,
)
from executorch.backends.xnnpack.partition.config.generic_node_configs import (  # type: ignore[import-untyped]
    SigmoidConfig,
)
from executorch.backends.xnnpack.partition.config.xnnpack_config import (  # type: ignore[import-untyped]
    ConfigPrecisionType,
)
from executorch.backends.xnnpack.partition.xnnpack_partitioner import (  # type: ignore[import-untyped]
    XnnpackPartitioner,
)

from pte_foundry.backends.lowering import Lowered, LoweringRequest, check_supported, lower_with

PRECISIONS: tuple[str, ...] = ("fp32", "int8")
OPTIONS: Mapping[str, str] = {}


class _AnySigmoid(SigmoidConfig):  # type: ignore[misc]
    """Takes an integer sigmoid too: XNNPACK has one, which ExecuTorch 1.5 does not ask for either."""

    def supported_precision_types(self) -> list[ConfigPrecisionType]:
        return [ConfigPrecisionType.FP32, ConfigPrecisionType.STATIC_QUANT]


def check_options(options: Mapping[str, str]) -> None:
    """There is no option whose value could be wrong."""


def lower(request: LoweringRequest) -> Lowered:
    """Lower every operator that XNNPACK takes to the delegate `XnnpackBackend`.

    Of an int8 program, whose quantize and dequantize operators say what is integer, XNNPACK also
    takes what a recipe left in float.

    Raises:
        PteError: `unsupported-precision`, `bad-option`.
    """
    check_supported(__name__, PRECISIONS, OPTIONS, request.precision, request.options)
    configs = [
        _AnySigmoid if config is SigmoidConfig else config for config in ALL_PARTITIONER_CONFIGS
    ]
    return lower_with(request, [XnnpackPartitioner(configs=configs)])

"""Weights as int8, one scale for each output channel; all computations stay in the backend's float.

For backends that compute in float16 and read compressed weights. The program is smaller; only the
rounding of the weights costs accuracy. It needs no pictures.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch._ops import OpOverload

from pte_foundry.backends.option_values import choose
from pte_foundry.errors import PteError
from pte_foundry.quantization.census import take_census
from pte_foundry.quantization.float_layers import (
    FLOAT_MODULES,
    FLOAT_MODULES_HELP,
    float_modules,
)
from pte_foundry.quantization.pt2e import quantize_pt2e
from pte_foundry.quantization.quantizers import OUTPUT_CHANNEL, WeightQuantizer
from pte_foundry.quantization.recipe import QuantizationRequest, Quantized

_OPERATORS: Mapping[str, frozenset[OpOverload]] = {
    "all": frozenset(OUTPUT_CHANNEL),
    "linear": frozenset({torch.ops.aten.linear.default}),
}

OPTIONS: Mapping[str, str] = {
    FLOAT_MODULES: FLOAT_MODULES_HELP,
    "operators": "whose weights are quantized: `all` (convolutions and linear layers) or `linear`, "
    "for backends that read no int8 weights of convolutions. Default all",
}
NEEDS_CALIBRATION = False


def check_options(options: Mapping[str, str]) -> None:
    """Raises PteError `bad-option` for a value that no model could take."""
    choose(__name__, options, "operators", tuple(_OPERATORS))
    float_modules(__name__, options)


def quantize(request: QuantizationRequest) -> Quantized:
    """Quantize the weights of the operators that the options name.

    Raises:
        PteError: `bad-option` for a module that the model does not have, `lowering-failed` if the
            model has no such weight.
    """
    operators = choose(__name__, request.options, "operators", tuple(_OPERATORS))
    layers = float_modules(__name__, request.options)
    layers.check(request.model, request.module)
    quantizer = WeightQuantizer(_OPERATORS[operators], layers)
    # Nothing is learned from the input: a forward pass lets the observers see the weights.
    program = quantize_pt2e(request, quantizer, [request.example_inputs])
    census = take_census(program)
    if not census.weights_fraction:
        raise PteError(
            "lowering-failed",
            f"model {request.model!r}: no weight was quantized: the model has none of "
            f"{', '.join(sorted(map(str, _OPERATORS[operators])))} with a stored weight. Correct "
            "`operators` in `quantization_options`, or choose another recipe",
        )
    return Quantized(program, census)

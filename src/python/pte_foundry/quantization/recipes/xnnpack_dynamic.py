"""Dynamic int8 for XNNPACK: for transformers, whose work is linear layers.

Weights are quantized at export, per output channel. Activations are float32 between operators; in
front of a linear layer XNNPACK takes the range of each row (a token) at run time, and rounds the row
to int8. So no picture is needed and none saturates, and everything but linear layers (convolutions,
softmax, normalisation, products of activations) stays as it is.

In torch the exported program takes one range for a whole activation, the only form that PT2E has
for XNNPACK, so it is less exact there than in the runtime.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (  # type: ignore[import-untyped]
    XNNPACKQuantizer,
    get_symmetric_quantization_config,
)
from torch.fx import Node
from torchao.quantization.pt2e.quantizer import Quantizer  # type: ignore[import-untyped]

from pte_foundry.errors import PteError
from pte_foundry.quantization.census import refuse_float, take_census
from pte_foundry.quantization.early_linears import linears_first
from pte_foundry.quantization.float_layers import (
    FLOAT_MODULES,
    FLOAT_MODULES_HELP,
    FloatLayers,
    float_modules,
)
from pte_foundry.quantization.pt2e import quantize_pt2e
from pte_foundry.quantization.quantizers import weight_spec
from pte_foundry.quantization.recipe import QuantizationRequest, Quantized

OPTIONS: Mapping[str, str] = {FLOAT_MODULES: FLOAT_MODULES_HELP}
NEEDS_CALIBRATION = False

_LINEAR = torch.ops.aten.linear.default


def check_options(options: Mapping[str, str]) -> None:
    """Raises PteError `bad-option` for a value that no model could take."""
    float_modules(__name__, options)


def quantize(request: QuantizationRequest) -> Quantized:
    """Quantize the weights of all linear layers, except those that the options keep in float.

    Raises:
        PteError: `bad-option` for a module that the model does not have, `lowering-failed` if there
            is no linear layer to quantize, or one would stay in float although no option says so.
    """
    layers = float_modules(__name__, request.options)
    layers.check(request.model, request.module)
    stock = get_symmetric_quantization_config(is_per_channel=True, is_dynamic=True)
    quantizer = XNNPACKQuantizer().set_global(replace(stock, weight=weight_spec(axis=0)))
    quantizer.set_filter_function(lambda node: _is_dynamic(node, layers))
    quantized = quantize_dynamically(
        request, quantizer, lambda node: _is_dynamic(node, layers), __name__, "linear layers"
    )
    linears_first(quantized.exported_program)
    return quantized


def quantize_dynamically(
    request: QuantizationRequest,
    quantizer: Quantizer,
    is_quantized: Callable[[Node], bool],
    recipe: str,
    what: str,
) -> Quantized:
    """Quantize with a quantizer of stored weights and of activations in front of them.

    Args:
        is_quantized: whether an operator call should be quantized.
        recipe, what: the recipe's name and what it quantizes, for messages.

    Raises:
        PteError: `lowering-failed` if there is nothing to quantize, or a weight is computed instead of stored.
    """
    # Nothing is learned from the input: a forward pass lets the observers see the weights.
    program = quantize_pt2e(request, quantizer, [request.example_inputs])
    reason = "its weight is computed and not stored"
    refuse_float(request.model, program, is_quantized, reason, f"`{FLOAT_MODULES}`")
    census = take_census(program)
    if not census.quantized:
        raise PteError(
            "lowering-failed",
            f"model {request.model!r}: {recipe} quantizes {what}, but the model has none to quantize. Choose "
            "another recipe, such as pte_foundry.quantization.recipes.xnnpack_static",
        )
    return Quantized(program, census)


def _is_dynamic(node: Node, layers: FloatLayers) -> bool:
    return node.target is _LINEAR and not layers.keeps(node)

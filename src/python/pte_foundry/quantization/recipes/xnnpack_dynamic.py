"""Dynamic int8 for XNNPACK: for transformers, whose work is linear layers.

Weights are quantized at export, per output channel. Activations are float32 between operators; in
front of a linear layer XNNPACK takes the range of each row (a token), while the program runs, and
rounds the row to int8. So no picture is needed and none saturates, and what is no linear layer
(convolutions, softmax, normalisation, products of activations) stays as it is.

In torch the exported program takes one range for a whole activation, the only form that PT2E has
for XNNPACK: there it is less exact than in the runtime.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (  # type: ignore[import-untyped]
    XNNPACKQuantizer,
    get_symmetric_quantization_config,
)
from torch.fx import Node

from pte_foundry.errors import PteError
from pte_foundry.quantization.census import float_products, take_census
from pte_foundry.quantization.early_linears import linears_first
from pte_foundry.quantization.float_layers import FloatLayers, module_of
from pte_foundry.quantization.float_options import (
    FLOAT_MODULES,
    FLOAT_MODULES_HELP,
    float_modules,
)
from pte_foundry.quantization.pt2e import quantize_pt2e
from pte_foundry.quantization.recipe import QuantizationRequest, Quantized
from pte_foundry.quantization.weight_quantizer import weight_spec

OPTIONS: Mapping[str, str] = {FLOAT_MODULES: FLOAT_MODULES_HELP}
NEEDS_CALIBRATION = False

_LINEAR = torch.ops.aten.linear.default


def check_options(options: Mapping[str, str]) -> None:
    """Raises PteError `bad-option` for a value that cannot be right."""
    float_modules(__name__, options)


def quantize(request: QuantizationRequest) -> Quantized:
    """Quantize the weights of all linear layers, but those that the options keep in float.

    Raises:
        PteError: `bad-option` for a module that the model does not have, `lowering-failed` if there
            is no linear layer to quantize or one would stay in float without anyone having said so.
    """
    layers = float_modules(__name__, request.options)
    layers.check(request.model, request.module)
    stock = get_symmetric_quantization_config(is_per_channel=True, is_dynamic=True)
    quantizer = XNNPACKQuantizer().set_global(replace(stock, weight=weight_spec(axis=0)))
    quantizer.set_filter_function(lambda node: _is_dynamic(node, layers))
    # Nothing is learned from the input: a forward pass lets the observers see the weights.
    program = quantize_pt2e(request, quantizer, [request.example_inputs])
    for found in float_products(program):
        if _is_dynamic(found.node, layers):
            raise PteError(
                "lowering-failed",
                f"model {request.model!r}: the linear layer in {module_of(found.node)} would stay "
                "in float, because its weight is computed and not stored. Rewrite it, or accept it "
                f"with `{FLOAT_MODULES}` in `quantization_options`",
            )
    census = take_census(program)
    if not census.quantized:
        raise PteError(
            "lowering-failed",
            f"model {request.model!r}: {__name__} quantizes linear layers, and the model has none "
            "that it may. Choose another recipe, such as "
            "pte_foundry.quantization.recipes.xnnpack_static",
        )
    linears_first(program)
    return Quantized(program, census)


def _is_dynamic(node: Node, layers: FloatLayers) -> bool:
    return node.target is _LINEAR and not layers.keeps(node)

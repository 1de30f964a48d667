"""Dynamic int8 for XNNPACK: for convolutional networks whose activations no static range fits.

The weights of dense convolutions (1x1 ones above all) and of linear layers are quantized at export,
per output channel. Activations are float32 between operators; in front of a dense convolution
XNNPACK takes the range of each pixel (over its channels), in front of a linear that of each row,
while the program runs, and rounds it to int8. Depthwise convolutions and all else stay in float. No
picture is needed, and none saturates.

This is for networks such as MobileNetV3, where static quantization fails: channels that go into a
depthwise convolution differ in range by orders of magnitude, which one scale for all of them cannot
hold, and hard-swish, unlike relu, does not allow to make them alike beforehand (cross-layer
equalisation: Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias
Correction", ICCV 2019). Here these activations are never rounded.

In torch the exported program takes one range for a whole activation, the only form that PT2E has
for XNNPACK: there it is less exact than in the runtime.
"""

from __future__ import annotations

from collections.abc import Mapping

from pte_foundry.errors import PteError
from pte_foundry.quantization.census import float_products, take_census
from pte_foundry.quantization.dense_quantizer import DenseQuantizer
from pte_foundry.quantization.float_layers import module_of, operator_name
from pte_foundry.quantization.float_options import (
    FLOAT_MODULES,
    FLOAT_MODULES_HELP,
    float_modules,
)
from pte_foundry.quantization.pt2e import quantize_pt2e
from pte_foundry.quantization.recipe import QuantizationRequest, Quantized

OPTIONS: Mapping[str, str] = {FLOAT_MODULES: FLOAT_MODULES_HELP}
NEEDS_CALIBRATION = False


def check_options(options: Mapping[str, str]) -> None:
    """Raises PteError `bad-option` for a value that cannot be right."""
    float_modules(__name__, options)


def quantize(request: QuantizationRequest) -> Quantized:
    """Quantize all dense convolutions and linears, but those that the options keep in float.

    Raises:
        PteError: `bad-option` for a module that the model does not have, `lowering-failed` if there
            is nothing to quantize, or something would stay in float without anyone having said so.
    """
    layers = float_modules(__name__, request.options)
    layers.check(request.model, request.module)
    quantizer = DenseQuantizer(layers)
    # Nothing is learned from the input: a forward pass lets the observers see the weights.
    program = quantize_pt2e(request, quantizer, [request.example_inputs])
    for found in float_products(program):
        if quantizer.quantizes(found.node):
            raise PteError(
                "lowering-failed",
                f"model {request.model!r}: {operator_name(found.node)} in "
                f"{module_of(found.node) or 'the outermost module'} would stay in float, because "
                "its weight is computed and not stored. Rewrite it, or accept it with "
                f"`{FLOAT_MODULES}` in `quantization_options`",
            )
    census = take_census(program)
    if not census.quantized:
        raise PteError(
            "lowering-failed",
            f"model {request.model!r}: {__name__} quantizes dense convolutions and linear layers, "
            "and the model has none that it may. Choose another recipe, such as "
            "pte_foundry.quantization.recipes.xnnpack_static",
        )
    return Quantized(program, census)

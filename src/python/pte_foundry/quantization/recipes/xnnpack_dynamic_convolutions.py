"""Dynamic int8 for XNNPACK: for convolutional networks whose activations fit no static range.

The weights of dense convolutions (1x1 ones above all) and of linear layers are quantized at export,
per output channel. Activations are float32 between operators; at run time XNNPACK takes the range of
each pixel (over its channels) in front of a dense convolution, and of each row in front of a linear,
and rounds it to int8. Depthwise convolutions and all else stay in float. No picture is needed, and
none saturates.

This is for networks such as MobileNetV3, where static quantization fails: the channels that go into a
depthwise convolution differ in range by orders of magnitude, which one scale for all cannot hold, and
hard-swish, unlike relu, does not allow them to be equalised beforehand (cross-layer equalisation:
Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019).
Here these activations are never rounded.

In torch the exported program takes one range for a whole activation, the only form that PT2E has
for XNNPACK, so it is less exact there than in the runtime.
"""

from __future__ import annotations

from collections.abc import Mapping

from pte_foundry.quantization.float_layers import (
    FLOAT_MODULES,
    FLOAT_MODULES_HELP,
    float_modules,
)
from pte_foundry.quantization.quantizers import DenseQuantizer
from pte_foundry.quantization.recipe import QuantizationRequest, Quantized
from pte_foundry.quantization.recipes.xnnpack_dynamic import quantize_dynamically

OPTIONS: Mapping[str, str] = {FLOAT_MODULES: FLOAT_MODULES_HELP}
NEEDS_CALIBRATION = False


def check_options(options: Mapping[str, str]) -> None:
    """Raises PteError `bad-option` for a value that no model could take."""
    float_modules(__name__, options)


def quantize(request: QuantizationRequest) -> Quantized:
    """Quantize all dense convolutions and linears, except those that the options keep in float.

    Raises:
        PteError: `bad-option` for a module that the model does not have, `lowering-failed` if there
            is nothing to quantize, or something would stay in float although no option says so.
    """
    layers = float_modules(__name__, request.options)
    layers.check(request.model, request.module)
    quantizer = DenseQuantizer(layers)
    what = "dense convolutions and linear layers"
    return quantize_dynamically(request, quantizer, quantizer.quantizes, __name__, what)

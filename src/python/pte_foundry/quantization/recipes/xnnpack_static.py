"""Static 8-bit integers for XNNPACK: weights per channel, activations with ranges learned from inputs.

Every convolution, linear, sum, product, sigmoid and concatenation is computed with integers, except
what the options keep in float.
"""

from __future__ import annotations

from collections.abc import Mapping

from pte_foundry.backends.option_values import bad_value, choose
from pte_foundry.quantization.calibration import calibration_inputs
from pte_foundry.quantization.census import refuse_float, take_census
from pte_foundry.quantization.float_layers import (
    FLOAT_MODULES,
    FLOAT_MODULES_HELP,
    OUTERMOST,
    FloatLayers,
    dotted_names,
)
from pte_foundry.quantization.pt2e import quantize_pt2e
from pte_foundry.quantization.recipe import QuantizationRequest, Quantized
from pte_foundry.quantization.static_quantizer import (
    ACTIVATION_OBSERVERS,
    StaticQuantizer,
    static_config,
)
from pte_foundry.records.quantization import RANDOM_INPUTS

_OBSERVERS = tuple(ACTIVATION_OBSERVERS)
_MOST_CROPS = 64
_MOST_RANDOM_INPUTS = 4096

OPTIONS: Mapping[str, str] = {
    "crops": "how many parts of each calibration picture, of half its height and half its width, to "
    f"learn from besides the whole: 0 to {_MOST_CROPS}. Default 0",
    FLOAT_MODULES: FLOAT_MODULES_HELP,
    "float_operators": "comma-separated ATen operators that stay in float everywhere, such as "
    "`aten.bmm`. Default none",
    "float_own": "comma-separated dotted names of modules whose own operators stay in float, while "
    "those of their submodules are quantized; `.` is the model itself. Default none",
    "observer": "how the range of an activation is learned: minmax (least and greatest value) or "
    "histogram (clips rare extremes). Default minmax",
    RANDOM_INPUTS: "calibrate on this many sets of random values within the declared ranges of the inputs, in the "
    f"place of a calibration set: 1 to {_MOST_RANDOM_INPUTS}. Default none",
}
NEEDS_CALIBRATION = True


def check_options(options: Mapping[str, str]) -> None:
    """Raises PteError `bad-option` for a value that no model could take."""
    choose(__name__, options, "observer", _OBSERVERS)
    _crops(options)
    _check_random_inputs(options)
    layers = _float_layers(options)
    for operator in layers.operators:
        namespace, _, name = operator.partition(".")
        if namespace != "aten" or not name.isidentifier():
            raise bad_value(
                __name__, "float_operators", operator, "a name such as aten.bmm, without overload"
            )


def quantize(request: QuantizationRequest) -> Quantized:
    """Learn ranges from the request's inputs, and convert what XNNPACK computes with integers.

    Raises:
        PteError: `bad-option` for a module that the model does not have, `bad-calibration` and `bad-sample` for
            inputs that cannot be used, `lowering-failed` for a convolution or matrix product that
            would stay in float although no option says so.
    """
    check_options(request.options)
    layers = _float_layers(request.options)
    layers.check(request.model, request.module)
    config = static_config(choose(__name__, request.options, "observer", _OBSERVERS))
    program = quantize_pt2e(
        request,
        StaticQuantizer(config, layers),
        calibration_inputs(request, _crops(request.options)),
    )
    refuse_float(
        request.model,
        program,
        lambda node: not layers.keeps(node),
        "XNNPACK's quantizer does not know it",
        "`float_modules`, `float_own` or `float_operators`",
    )
    return Quantized(program, take_census(program))


def _float_layers(options: Mapping[str, str]) -> FloatLayers:
    return FloatLayers(
        modules=dotted_names(__name__, options, FLOAT_MODULES),
        own=dotted_names(__name__, options, "float_own", OUTERMOST),
        operators=dotted_names(__name__, options, "float_operators"),
    )


def _crops(options: Mapping[str, str]) -> int:
    text = options.get("crops", "0")
    if not (text.isascii() and text.isdecimal() and int(text) <= _MOST_CROPS):
        raise bad_value(__name__, "crops", text, f"a number from 0 to {_MOST_CROPS}")
    return int(text)


def _check_random_inputs(options: Mapping[str, str]) -> None:
    text = options.get(RANDOM_INPUTS, "1")
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= _MOST_RANDOM_INPUTS):
        raise bad_value(__name__, RANDOM_INPUTS, text, f"a number from 1 to {_MOST_RANDOM_INPUTS}")

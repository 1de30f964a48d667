"""How ranges are learned, and what becomes of them: the configurations of static quantization."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (  # type: ignore[import-untyped]
    get_symmetric_quantization_config,
)
from torchao.quantization.pt2e import HistogramObserver, MinMaxObserver, PerChannelMinMaxObserver
from torchao.quantization.pt2e.quantizer import QuantizationConfig

ACTIVATION_OBSERVERS: Mapping[str, type] = {
    "minmax": MinMaxObserver,
    "histogram": HistogramObserver,
}
"""Option value -> class. The first one, the default, takes the least and the greatest value; the other
clips rare extremes where that makes the mean squared error smaller."""

# Smallest scales. ExecuTorch's own, 2**-12, would be too coarse for activations within +-0.03 and
# for channels whose weights are within +-0.03.
_ACTIVATION_EPS = 2.0**-16
_WEIGHT_EPS = 2.0**-18


def static_config(activation_observer: str, per_channel: bool = True) -> QuantizationConfig:
    """Activations int8, per tensor, asymmetric; weights int8, symmetric; biases as they are.

    The schemes are those of XNNPACK's `qs8` and `qc8` kernels: weights within -127 and 127.

    Args:
        activation_observer: a key of `ACTIVATION_OBSERVERS`.
        per_channel: one scale for each output channel of a weight, or one for all.
    """
    stock = get_symmetric_quantization_config(is_per_channel=per_channel)
    observer = ACTIVATION_OBSERVERS[activation_observer]
    activation = replace(
        stock.input_activation,
        observer_or_fake_quant_ctr=observer.with_args(eps=_ACTIVATION_EPS),  # type: ignore[attr-defined]
    )
    weight_observer = PerChannelMinMaxObserver if per_channel else MinMaxObserver
    weight = replace(
        stock.weight, observer_or_fake_quant_ctr=weight_observer.with_args(eps=_WEIGHT_EPS)
    )
    return QuantizationConfig(activation, activation, weight, stock.bias, is_qat=False)

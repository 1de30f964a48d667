"""ExecuTorch's XNNPACK quantizer, extended to what our models need.

Where `XNNPACKQuantizer` of ExecuTorch 1.5 falls short:

- it leaves sigmoid in float, and with it the product of every SiLU between two conversions;
- its annotation of `cat` ignores the filter that keeps layers in float.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (  # type: ignore[import-untyped]
    XNNPACKQuantizer,
    get_symmetric_quantization_config,
)
from torch.fx import GraphModule, Node
from torchao.quantization.pt2e import (  # type: ignore[import-untyped]
    HistogramObserver,
    MinMaxObserver,
    PerChannelMinMaxObserver,
)
from torchao.quantization.pt2e.quantizer import (  # type: ignore[import-untyped]
    FixedQParamsQuantizationSpec,
    QuantizationAnnotation,
    QuantizationConfig,
    SharedQuantizationSpec,
)
from torchao.quantization.pt2e.quantizer.quantizer import Q_ANNOTATION_KEY  # type: ignore[import-untyped]

from pte_foundry.quantization.float_layers import FloatLayers

_ATEN = torch.ops.aten

ACTIVATION_OBSERVERS: Mapping[str, type] = {
    "minmax": MinMaxObserver,
    "histogram": HistogramObserver,
}
"""Option value -> class. The first, the default, takes the least and the greatest value; the other
clips rare extremes where that makes the mean squared error smaller."""

# Smallest scales. ExecuTorch's own, 2**-12, would be too coarse for activations within +-0.03 and
# for channels whose weights are within +-0.03.
_ACTIVATION_EPS = 2.0**-16
_WEIGHT_EPS = 2.0**-18

# A sigmoid is between 0 and 1, whatever the pictures: all 256 steps are there, as in XNNPACK's own 8-bit
# sigmoid.
SIGMOID_OUTPUT = FixedQParamsQuantizationSpec(
    dtype=torch.int8,
    scale=1 / 256,
    zero_point=-128,
    quant_min=-128,
    quant_max=127,
    qscheme=torch.per_tensor_affine,
)

# XNNPACK computes these with one scale and zero point for input and output.
_SAME_VALUES = frozenset(
    {
        _ATEN.adaptive_avg_pool2d.default,
        _ATEN.clamp.default,
        _ATEN.flatten.using_ints,
        _ATEN.hardtanh.default,
        _ATEN.hardtanh_.default,
        _ATEN.max_pool2d.default,
        _ATEN.mean.dim,
        _ATEN.permute.default,
        _ATEN.relu.default,
        _ATEN.relu_.default,
        _ATEN.reshape.default,
        _ATEN.slice.Tensor,
        _ATEN.squeeze.dim,
        _ATEN.transpose.int,
        _ATEN.unsqueeze.default,
        _ATEN.view.default,
    }
)


def static_config(activation_observer: str, per_channel: bool = True) -> QuantizationConfig:
    """Activations int8, per tensor, asymmetric; weights int8, symmetric; biases as they are.

    The schemes are those of XNNPACK's `qs8` and `qc8` kernels: weights from -127 to 127.

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


class StaticQuantizer(XNNPACKQuantizer):  # type: ignore[misc]
    """Annotates everything that XNNPACK computes with 8-bit integers, except for `float_layers`.

    Args:
        config: how activations and weights are quantized, statically.
    """

    def __init__(self, config: QuantizationConfig, float_layers: FloatLayers) -> None:
        super().__init__()
        self.set_global(config)
        self._config = config
        self._float = float_layers
        self.set_filter_function(self._may_quantize)

    def annotate(self, model: GraphModule) -> GraphModule:
        """Write annotations into the nodes of `model`, before observers are inserted."""
        calls = [node for node in model.graph.nodes if node.op == "call_function"]
        for node in calls:
            if not self._may_quantize(node):
                # An annotation without content, because not every annotator asks the filter.
                node.meta[Q_ANNOTATION_KEY] = QuantizationAnnotation(_annotated=True)
        for node in calls:
            if node.target is _ATEN.sigmoid.default and self._may_quantize(node):
                self._annotate_sigmoid(node)
        self._annotate_for_quantization_config(model)
        for node in calls:
            if node.target in _SAME_VALUES:
                _share_with_input(node)
        return model

    def _may_quantize(self, node: Node) -> bool:
        # Weights and constants follow the operators that use them.
        return node.op != "call_function" or not self._float.keeps(node)

    def _annotate_sigmoid(self, node: Node) -> None:
        activation = self._config.input_activation
        source = node.args[0]
        assert isinstance(source, Node)
        node.meta[Q_ANNOTATION_KEY] = QuantizationAnnotation(
            input_qspec_map={source: activation}, output_qspec=SIGMOID_OUTPUT, _annotated=True
        )
        for product in node.users:
            if product.target is _ATEN.mul.Tensor and self._may_quantize(product):
                product.meta[Q_ANNOTATION_KEY] = QuantizationAnnotation(
                    input_qspec_map={
                        factor: SharedQuantizationSpec(node) if factor is node else activation
                        for factor in product.all_input_nodes
                    },
                    output_qspec=self._config.output_activation,
                    _annotated=True,
                )


def _share_with_input(node: Node) -> None:
    """Give `node` the scale of its input, if that has one and `node` has no annotation yet."""
    source = node.args[0]
    if not isinstance(source, Node) or Q_ANNOTATION_KEY in node.meta:
        return
    annotation = source.meta.get(Q_ANNOTATION_KEY)
    if annotation is None or annotation.output_qspec is None:
        return
    shared = SharedQuantizationSpec(source)
    node.meta[Q_ANNOTATION_KEY] = QuantizationAnnotation(
        input_qspec_map={source: shared}, output_qspec=shared, _annotated=True
    )

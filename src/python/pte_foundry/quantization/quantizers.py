"""Annotate weights for int8: alone, or with activations that the program quantizes at run time."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (  # type: ignore[import-untyped]
    get_symmetric_quantization_config,
)
from torch._ops import OpOverload
from torch.fx import GraphModule, Node
from torchao.quantization.pt2e import PerChannelMinMaxObserver  # type: ignore[import-untyped]
from torchao.quantization.pt2e.quantizer import (  # type: ignore[import-untyped]
    QuantizationAnnotation,
    QuantizationSpec,
    Quantizer,
)
from torchao.quantization.pt2e.quantizer.quantizer import Q_ANNOTATION_KEY  # type: ignore[import-untyped]

from pte_foundry.quantization.float_layers import FloatLayers

_ATEN = torch.ops.aten

OUTPUT_CHANNEL: Mapping[OpOverload, int] = {
    _ATEN.linear.default: 0,
    _ATEN.conv1d.default: 0,
    _ATEN.conv2d.default: 0,
    # [in, out, height, width]
    _ATEN.conv_transpose2d.input: 1,
}
"""Operator -> the dimension of its weight (its second argument) that counts output channels."""

# Position among the arguments of aten.conv2d.
_GROUPS = 6
# A scale is max |w| / 127. The stock floor of 2^-12 would waste bits of a channel whose largest
# weight is below 0.03. The subnormal numbers of float16, in which GPUs keep scales, begin at 2^-24.
_SMALLEST_SCALE = 2.0**-18


class WeightQuantizer(Quantizer):  # type: ignore[misc]
    """PT2E quantizer: symmetric int8 in [-127, 127], one scale for each output channel.

    Args:
        operators: keys of `OUTPUT_CHANNEL` whose weights are quantized.
        layers: which of them stay in float.
    """

    def __init__(self, operators: frozenset[OpOverload], layers: FloatLayers) -> None:
        super().__init__()
        self.operators = operators
        self.layers = layers

    def annotate(self, model: GraphModule) -> GraphModule:
        for node in model.graph.nodes:
            if (
                node.op == "call_function"
                and node.target in self.operators
                and not self.layers.keeps(node)
            ):
                _annotate(node)
        return model

    def validate(self, model: GraphModule) -> None:
        """Nothing to check."""


def weight_spec(axis: int) -> QuantizationSpec:
    """How to quantize a weight whose dimension `axis` counts output channels."""
    return QuantizationSpec(
        dtype=torch.int8,
        observer_or_fake_quant_ctr=PerChannelMinMaxObserver.with_args(eps=_SMALLEST_SCALE),
        quant_min=-127,
        quant_max=127,
        qscheme=torch.per_channel_symmetric,
        ch_axis=axis,
    )


def _annotate(node: Node) -> None:
    weight = node.args[1]
    # A weight that the graph computes is an activation.
    if not isinstance(weight, Node) or weight.op != "get_attr":
        return
    assert isinstance(node.target, OpOverload)
    node.meta[Q_ANNOTATION_KEY] = QuantizationAnnotation(
        input_qspec_map={weight: weight_spec(OUTPUT_CHANNEL[node.target])}, _annotated=True
    )


class DenseQuantizer(Quantizer):  # type: ignore[misc]
    """Marks the input and the weight of each dense convolution and linear, except for `float_layers`.

    When it quantizes dynamically, ExecuTorch's own quantizer skips a convolution in front of a relu,
    such as those of squeeze-and-excitation.

    Args:
        float_layers: what stays in float although it is dense.
    """

    def __init__(self, float_layers: FloatLayers) -> None:
        super().__init__()
        self._float = float_layers
        dynamic = get_symmetric_quantization_config(is_per_channel=True, is_dynamic=True)
        self._activation = dynamic.input_activation
        self._weight = weight_spec(axis=0)

    def annotate(self, model: GraphModule) -> GraphModule:
        """Write annotations into the nodes of `model`, before observers are inserted."""
        for node in model.graph.nodes:
            if self.quantizes(node):
                node.meta[Q_ANNOTATION_KEY] = QuantizationAnnotation(
                    input_qspec_map={node.args[0]: self._activation, node.args[1]: self._weight},
                    _annotated=True,
                )
        return model

    def quantizes(self, node: Node) -> bool:
        """Whether `node` is computed with integers."""
        return is_dense(node) and not self._float.keeps(node)

    def validate(self, model: GraphModule) -> None:
        """Nothing to check."""


def is_dense(node: Node) -> bool:
    """Whether `node` is a linear, or a two-dimensional convolution of one group.

    Each of its outputs sums over all input channels. XNNPACK has dynamic kernels for these, but
    none for convolutions whose groups are single channels (depthwise).
    """
    if node.target is _ATEN.linear.default:
        return True
    groups = node.args[_GROUPS] if len(node.args) > _GROUPS else 1
    return node.target is _ATEN.conv2d.default and bool(groups == 1)

"""Annotate dense convolutions and linear layers for dynamic quantization on XNNPACK."""

from __future__ import annotations

import torch
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (  # type: ignore[import-untyped]
    get_symmetric_quantization_config,
)
from torch.fx import GraphModule, Node
from torchao.quantization.pt2e.quantizer import QuantizationAnnotation, Quantizer  # type: ignore[import-untyped]
from torchao.quantization.pt2e.quantizer.quantizer import Q_ANNOTATION_KEY  # type: ignore[import-untyped]

from pte_foundry.quantization.float_layers import FloatLayers
from pte_foundry.quantization.weight_quantizer import weight_spec

_ATEN = torch.ops.aten
# Position among the arguments of aten.conv2d.
_GROUPS = 6


class DenseQuantizer(Quantizer):  # type: ignore[misc]
    """Marks the input and the weight of each dense convolution and linear, but `float_layers`.

    ExecuTorch's own quantizer passes over a convolution in front of a relu when it quantizes
    dynamically, as those of squeeze-and-excitation are.

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
        """Nothing to check: what `annotate` marks is all there is."""


def is_dense(node: Node) -> bool:
    """Whether `node` is a linear, or a two-dimensional convolution of one group.

    Each of its outputs sums over all input channels. XNNPACK has dynamic kernels for these, and
    none for convolutions whose groups are single channels (depthwise).
    """
    if node.target is _ATEN.linear.default:
        return True
    groups = node.args[_GROUPS] if len(node.args) > _GROUPS else 1
    return node.target is _ATEN.conv2d.default and bool(groups == 1)

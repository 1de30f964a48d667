from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.fx import Node
from torchao.quantization.pt2e.quantizer.quantizer import Q_ANNOTATION_KEY  # type: ignore[import-untyped]

from pte_foundry.quantization.dense_quantizer import DenseQuantizer
from pte_foundry.quantization.float_layers import FloatLayers, module_of


class _Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.depthwise = nn.Conv2d(8, 8, 3, groups=8)
        self.grouped = nn.Conv2d(8, 8, 1, groups=2)
        # The stock quantizer passes over a convolution in front of a relu.
        self.squeeze = nn.Sequential(nn.Conv2d(8, 4, 1), nn.ReLU())
        self.stated = nn.Conv2d(4, 4, 1, stride=1, padding=0, dilation=1, groups=1)
        self.head = nn.Linear(4, 5)

    def forward(self, image: Tensor) -> Tensor:
        x = self.grouped(self.depthwise(self.stem(image)))
        y: Tensor = self.head(self.stated(self.squeeze(x)).mean((2, 3)))
        return y + 1.0


def _annotated(layers: FloatLayers) -> dict[str, Node]:
    """Module -> node with an annotation."""
    program = torch.export.export(_Network().eval(), (torch.zeros(1, 3, 8, 8),), strict=False)
    graph = DenseQuantizer(layers).annotate(program.module()).graph
    return {module_of(node): node for node in graph.nodes if Q_ANNOTATION_KEY in node.meta}


def test_dense_layers_and_nothing_else() -> None:
    assert set(_annotated(FloatLayers())) == {"stem", "squeeze.0", "stated", "head"}


def test_layers_that_stay_in_float() -> None:
    assert set(_annotated(FloatLayers(modules=("st*",)))) == {"squeeze.0", "head"}


def test_input_while_running_weight_per_channel_output_not_at_all() -> None:
    for node in _annotated(FloatLayers()).values():
        annotation = node.meta[Q_ANNOTATION_KEY]
        x, weight = node.args[:2]
        assert set(annotation.input_qspec_map) == {x, weight}, "the bias stays in float"
        assert annotation.input_qspec_map[x].is_dynamic
        assert annotation.input_qspec_map[weight].qscheme == torch.per_channel_symmetric
        assert annotation.output_qspec is None

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e  # type: ignore[import-untyped]

from pte_foundry.quantization.float_layers import FloatLayers
from pte_foundry.quantization.static_quantizer import StaticQuantizer, static_config
from pte_foundry.testing.quantization_samples import SIDE, small_detector


def _convert(module: nn.Module, layers: FloatLayers = FloatLayers()) -> GraphModule:
    inputs = (torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)),)
    with torch.no_grad():
        graph = torch.export.export(module.eval(), inputs, strict=False).module()
        prepared = prepare_pt2e(graph, StaticQuantizer(static_config("minmax"), layers))
        prepared(*inputs)
        return convert_pt2e(prepared)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def detector() -> GraphModule:
    return _convert(small_detector())


def _calls(graph: GraphModule, target: object) -> list[Node]:
    return [node for node in graph.graph.nodes if node.target is target]


def _scale(node: Node) -> tuple[object, ...]:
    assert "quantize_per_tensor" in str(node.target)
    return tuple(node.args[1:3])


def _output_scale(node: Node) -> tuple[object, ...]:
    (user,) = set(map(_scale, node.users))
    return user


def test_the_scale_of_a_sigmoid_covers_0_to_1_and_nothing_else(detector: GraphModule) -> None:
    sigmoids = _calls(detector, torch.ops.aten.sigmoid.default)
    assert [_output_scale(node) for node in sigmoids] == [(1 / 256, -128)] * 2
    for product in _calls(detector, torch.ops.aten.mul.Tensor):
        assert (1 / 256, -128) in [_scale(factor) for factor in product.all_input_nodes]


def test_slices_keep_the_scale_of_their_input(detector: GraphModule) -> None:
    slices = _calls(detector, torch.ops.aten.slice.Tensor)
    assert len(slices) == 3
    for node in slices:
        (source,) = node.all_input_nodes
        assert _output_scale(node) == _scale(source)


def test_all_inputs_of_a_cat_have_the_scale_of_its_output(detector: GraphModule) -> None:
    (cat,) = _calls(detector, torch.ops.aten.cat.default)
    assert {_scale(part) for part in cat.all_input_nodes} == {_output_scale(cat)}


def test_a_cat_in_float_has_no_scales() -> None:
    graph = _convert(small_detector(), FloatLayers(operators=("aten.cat",)))
    (cat,) = _calls(graph, torch.ops.aten.cat.default)
    # Its parts come out of a slice and a sum that are quantized; it gives floats to a convolution,
    # whose own input is quantized.
    (user,) = cat.users
    assert "quantize_per_tensor" in str(user.target)
    scales = {_scale(part) for part in cat.all_input_nodes}
    assert len(scales) == 2
    assert _scale(user) not in scales


def test_a_product_in_float_leaves_its_sigmoid_quantized() -> None:
    graph = _convert(small_detector(), FloatLayers(operators=("aten.mul",)))
    for sigmoid in _calls(graph, torch.ops.aten.sigmoid.default):
        assert _output_scale(sigmoid) == (1 / 256, -128)


class _Gate(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.first(x) * torch.sigmoid(self.second(x))  # type: ignore[no-any-return]


def test_a_sigmoid_that_gates_another_tensor() -> None:
    graph = _convert(_Gate())
    (product,) = _calls(graph, torch.ops.aten.mul.Tensor)
    scales = [_scale(factor) for factor in product.all_input_nodes]
    assert scales[1] == (1 / 256, -128)
    assert scales[0] != scales[1]

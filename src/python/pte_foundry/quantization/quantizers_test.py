from __future__ import annotations

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.export import ExportedProgram
from torch.fx import Node
from torchao.quantization.pt2e.quantize_pt2e import (  # type: ignore[import-untyped]
    convert_pt2e,
    prepare_pt2e,
)
from torchao.quantization.pt2e.quantizer.quantizer import Q_ANNOTATION_KEY  # type: ignore[import-untyped]

from pte_foundry.quantization.float_layers import FloatLayers, module_of
from pte_foundry.quantization.quantizers import OUTPUT_CHANNEL, DenseQuantizer, WeightQuantizer

_DEQUANTIZE = torch.ops.quantized_decomposed.dequantize_per_channel.default


class _Model(nn.Module):
    """One operator of each kind, and a product of two activations."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 4, 3, groups=1)
        self.up = nn.ConvTranspose2d(4, 6, 2, stride=2)
        self.head = nn.Linear(12, 5)
        with torch.no_grad():
            # A channel of small weights, below the floor of ExecuTorch's own observers.
            self.head.weight[1] *= 1e-2

    def forward(self, x: Tensor) -> Tensor:
        y = self.up(self.down(x))
        z: Tensor = self.head(y)
        return torch.matmul(z, z.transpose(2, 3))


def _tensor(program: ExportedProgram, node: Node) -> Tensor:
    """The constant that a placeholder stands for."""
    signature = program.graph_signature
    names = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    found: Tensor = {**program.state_dict, **program.constants}[names[node.name]]
    return found


def _quantize(
    model: nn.Module,
    x: Tensor,
    operators: frozenset[OpOverload] = frozenset(OUTPUT_CHANNEL),
    layers: FloatLayers = FloatLayers(),
) -> ExportedProgram:
    quantizer = WeightQuantizer(operators, layers)
    with torch.no_grad():
        prepared = prepare_pt2e(torch.export.export(model, (x,), strict=False).module(), quantizer)
        prepared(x)
        return torch.export.export(convert_pt2e(prepared), (x,), strict=False)


def _model() -> tuple[_Model, Tensor]:
    torch.manual_seed(0)
    model = _Model()
    model.eval()
    return model, torch.rand(1, 3, 8, 8)


def test_every_weight_has_a_scale_for_each_output_channel() -> None:
    model, x = _model()
    program = _quantize(model, x)
    stored = [
        (_tensor(program, node.args[0]), _tensor(program, node.args[1]), node.args[3])
        for node in program.graph.nodes
        if node.target == _DEQUANTIZE
    ]
    weights = [model.down.weight, model.up.weight, model.head.weight]
    assert [axis for _, _, axis in stored] == [0, 1, 0]
    for (integers, scale, axis), weight in zip(stored, weights):
        assert integers.dtype == torch.int8 and integers.shape == weight.shape
        others = [dim for dim in range(weight.dim()) if dim != axis]
        # Every channel uses the whole range, and not -128, which would make it asymmetric.
        assert torch.equal(integers.int().abs().amax(others), torch.full((len(scale),), 127))
        shape = [-1 if dim == axis else 1 for dim in range(weight.dim())]
        error = (integers * scale.reshape(shape) - weight).abs()
        assert bool((error <= scale.reshape(shape) * 0.501).all())


def test_activations_stay_in_float() -> None:
    model, x = _model()
    program = _quantize(model, x)
    names = [str(node.target) for node in program.graph.nodes]
    assert not any("quantize_per_tensor" in name or "choose_qparams" in name for name in names)
    with torch.no_grad():
        expected, found = model(x), program.module()(x)
    assert not torch.equal(expected, found)
    assert torch.nn.functional.cosine_similarity(expected.flatten(), found.flatten(), 0) > 0.9999


def test_only_the_named_operators() -> None:
    model, x = _model()
    program = _quantize(model, x, frozenset({torch.ops.aten.linear.default}))
    assert [node.target for node in program.graph.nodes].count(_DEQUANTIZE) == 1


def test_layers_stay_in_float() -> None:
    model, x = _model()
    program = _quantize(model, x, layers=FloatLayers(modules=("up",)))
    assert [node.args[3] for node in program.graph.nodes if node.target == _DEQUANTIZE] == [0, 0]


class _Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.depthwise = nn.Conv2d(8, 8, 3, groups=8)
        self.grouped = nn.Conv2d(8, 8, 1, groups=2)
        # The stock quantizer skips a convolution in front of a relu.
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


def test_dense_layers_that_stay_in_float() -> None:
    assert set(_annotated(FloatLayers(modules=("st*",)))) == {"squeeze.0", "head"}


def test_dense_layers_have_input_at_run_time_weight_per_channel_and_output_not_at_all() -> None:
    for node in _annotated(FloatLayers()).values():
        annotation = node.meta[Q_ANNOTATION_KEY]
        x, weight = node.args[:2]
        assert set(annotation.input_qspec_map) == {x, weight}, "the bias stays in float"
        assert annotation.input_qspec_map[x].is_dynamic
        assert annotation.input_qspec_map[weight].qscheme == torch.per_channel_symmetric
        assert annotation.output_qspec is None

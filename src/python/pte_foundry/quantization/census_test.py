from __future__ import annotations

import torch
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (  # type: ignore[import-untyped]
    XNNPACKQuantizer,
    get_symmetric_quantization_config,
)
from torch import Tensor, nn
from torch.export import ExportedProgram
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e  # type: ignore[import-untyped]
from torchao.quantization.pt2e.quantizer import QuantizationConfig  # type: ignore[import-untyped]

from pte_foundry.quantization.census import float_products, take_census


class _Two(nn.Module):
    """Linears of 8x8 and 8x4 weights on 2 rows: 128 and 64 multiply-accumulates."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(8, 8), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(self.second(torch.relu(self.first(x))), -1)


def _quantize(module: nn.Module, *names: str, dynamic: bool = False) -> ExportedProgram:
    """The submodules `names`, or everything, through ExecuTorch's own quantizer."""
    torch.manual_seed(0)
    inputs = (torch.randn(2, 8),)
    config: QuantizationConfig = get_symmetric_quantization_config(
        is_per_channel=True, is_dynamic=dynamic
    )
    quantizer = XNNPACKQuantizer()
    for name in names:
        quantizer.set_module_name(name, config)
    if not names:
        quantizer.set_global(config)
    with torch.no_grad():
        program = torch.export.export(module.eval(), inputs, strict=False)
        prepared = prepare_pt2e(program.module(), quantizer)
        prepared(*inputs)
        return torch.export.export(convert_pt2e(prepared), inputs, strict=False)


def _export(module: nn.Module) -> ExportedProgram:
    return torch.export.export(module.eval(), (torch.randn(2, 8),), strict=False)


def test_float() -> None:
    program = _export(_Two())
    census = take_census(program)
    assert (census.weights_fraction, census.compute_fraction) == (0.0, 0.0)
    assert census.quantized == {}
    assert census.in_float == {"aten.linear": 2, "aten.relu": 1, "aten.softmax": 1}
    assert [*float_products(program).values()] == [128, 64]


def test_static() -> None:
    program = _quantize(_Two())
    census = take_census(program)
    assert (census.weights_fraction, census.compute_fraction) == (1.0, 1.0)
    assert census.quantized == {"aten.linear": 2, "aten.relu": 1}
    assert census.in_float == {"aten.softmax": 1}
    assert float_products(program) == {}


def test_dynamic() -> None:
    census = take_census(_quantize(_Two(), dynamic=True))
    assert (census.weights_fraction, census.compute_fraction) == (1.0, 1.0)
    # The products use integers; what is between them does not.
    assert census.quantized == {"aten.linear": 2}
    assert census.in_float == {"aten.relu": 1, "aten.softmax": 1}


def test_mixed() -> None:
    program = _quantize(_Two(), "second")
    census = take_census(program)
    assert census.weights_fraction == 32 / (64 + 32)
    assert census.compute_fraction == 64 / (128 + 64)
    assert census.quantized == {"aten.linear": 1}
    assert census.in_float == {"aten.linear": 1, "aten.relu": 1, "aten.softmax": 1}
    assert [*float_products(program).values()] == [128]


class _WeightOnly(nn.Module):
    """A weight in integers that is made float again before a float product."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.ones(4, 8, dtype=torch.int8))
        self.register_buffer("scales", torch.ones(4))
        self.register_buffer("zeros", torch.zeros(4, dtype=torch.int64))
        self.other = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        weight = torch.ops.quantized_decomposed.dequantize_per_channel.default(
            self.weight, self.scales, self.zeros, 0, -127, 127, torch.int8
        )
        return self.other(torch.mm(x, weight.t()))  # type: ignore[no-any-return]


def test_weight_only() -> None:
    census = take_census(_export(_WeightOnly()))
    assert census.weights_fraction == 32 / (32 + 8)
    assert census.compute_fraction == 0.0
    assert census.quantized == {}
    # Converting the weight to float is not an operator of the model.
    assert census.in_float == {"aten.linear": 1, "aten.mm": 1}


class _Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(8, 8), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(self.first(x)))  # type: ignore[no-any-return]


def test_a_weight_that_is_used_twice_counts_once() -> None:
    census = take_census(_quantize(_Shared(), "first"))
    assert census.weights_fraction == 64 / (64 + 32)
    assert census.compute_fraction == 256 / (256 + 64)


class _NoWeights(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.mm(x, x.t()) + 1.0


def test_a_product_of_activations_has_no_weight() -> None:
    census = take_census(_export(_NoWeights()))
    assert (census.weights_fraction, census.compute_fraction) == (0.0, 0.0)
    assert census.in_float == {"aten.add": 1, "aten.mm": 1, "aten.t": 1}

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from pte_foundry.models.fixed_inputs import fixed_inputs
from pte_foundry.quantization.recipes.xnnpack_dynamic import quantize as quantize_dynamic
from pte_foundry.quantization.recipes.xnnpack_static import quantize
from pte_foundry.quantization.recurrent import without_recurrent_layers
from pte_foundry.records.tensor_spec import parse_tensor_spec
from pte_foundry.testing.quantization_samples import request

_STEPS = 3
_SPEC = parse_tensor_spec("x", f"float32[1,{_STEPS},4]{{-1.0..1.0}}")
_LAYERS: dict[str, Callable[[], nn.Module]] = {
    "lstm": lambda: nn.LSTM(4, 8, batch_first=True, bidirectional=True),
    "gru": lambda: nn.GRU(4, 8, batch_first=True),
    "rnn": lambda: nn.RNN(4, 8, batch_first=True),
    "rnn, relu": lambda: nn.RNN(4, 8, nonlinearity="relu", batch_first=True),
}


class _Recurrent(nn.Module):
    def __init__(self, name: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = _LAYERS[name]()
        self.head = nn.Linear(16 if name == "lstm" else 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.head(self.layer(x)[0])
        return found


def _model(name: str) -> tuple[nn.Module, Tensor]:
    (x,) = fixed_inputs([_SPEC], 1)[0]
    return _Recurrent(name).eval().requires_grad_(False), x


@pytest.mark.parametrize("name", _LAYERS)
def test_the_same_values(name: str) -> None:
    model, x = _model(name)
    program = torch.export.export(model, (x,), strict=False)
    plain = without_recurrent_layers(program)
    names = [str(node.target) for node in plain.graph.nodes]
    assert names.count("aten.linear.default") >= 1 + 1 + _STEPS
    assert torch.allclose(plain.module()(x), model(x), atol=1e-6)


def test_a_program_without_such_a_layer_is_returned_as_it_is() -> None:
    program = torch.export.export(nn.Linear(4, 4), (torch.ones(1, 4),), strict=False)
    assert without_recurrent_layers(program) is program


@pytest.mark.parametrize("name", _LAYERS)
@pytest.mark.parametrize("static", [True, False])
def test_their_weights_are_quantized_and_counted(name: str, static: bool) -> None:
    model, x = _model(name)
    options = {"random_inputs": "8"} if static else {}
    asked = request(model, {}, options, (x,), (_SPEC,))
    quantized = (quantize if static else quantize_dynamic)(asked)
    assert quantized.census.weights_fraction == 1.0
    # Of the first step, the state is a constant.
    assert quantized.census.quantized["aten.linear"] >= 1 + 1 + _STEPS - 1
    found = quantized.exported_program.module()(x)
    assert torch.nn.functional.cosine_similarity(found.flatten(), model(x).flatten(), 0) > 0.995


def test_those_that_stay_in_float_are_counted() -> None:
    model, x = _model("gru")
    asked = request(model, {}, {"float_modules": "layer"}, (x,), (_SPEC,))
    census = quantize_dynamic(asked).census
    recurrent = 3 * 8 * 4 + 3 * 8 * 8
    assert census.weights_fraction == pytest.approx(24 / (24 + recurrent))

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.errors import PteError
from pte_foundry.inspection.delegation import inspect_program
from pte_foundry.quantization.recipe import QuantizationRequest, Quantized
from pte_foundry.quantization.recipes import xnnpack_dynamic
from pte_foundry.rewrites.matmul_layer_norm import MatmulLayerNorm
from pte_foundry.validation.runtime import load_program

_X = (torch.linspace(-1, 1, 8 * 32).reshape(1, 8, 32).sin(),)


class _Block(nn.Module):
    """Attention whose projections share a normalised activation; one row is 100 times the others."""

    sizes: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.norm = MatmulLayerNorm(nn.LayerNorm(32))
        self.query, self.key, self.value = (nn.Linear(32, 32) for _ in range(3))
        self.register_buffer("sizes", torch.tensor([100.0] + 7 * [1.0]).reshape(1, 8, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(x)
        scores = torch.bmm(self.query(x), self.key(x).transpose(1, 2))
        large: Tensor = self.value(x * self.sizes)
        return large + torch.bmm(torch.softmax(scores, -1), self.value(x))


def _model() -> nn.Module:
    torch.manual_seed(0)
    return _Block().eval().requires_grad_(False)


def _quantize(module: nn.Module, **options: str) -> Quantized:
    return xnnpack_dynamic.quantize(
        QuantizationRequest("tiny", module, _X, lambda picture: _X, {}, options, lambda stage: None)
    )


def _refused(module: nn.Module, **options: str) -> PteError:
    with pytest.raises(PteError) as caught:
        _quantize(module, **options)
    return caught.value


def test_one_call_that_runs_and_rounds_each_row_by_itself() -> None:
    model = _model()
    quantized = _quantize(model, float_modules="norm")
    lowered = xnnpack.lower(LoweringRequest(quantized.exported_program, "int8", {}))
    pte = bytes(lowered.program.buffer)
    facts = inspect_program(pte)
    assert (dict(facts.delegates), facts.undelegated_total) == ({"XnnpackBackend": 1}, 0)
    (found,) = load_program(pte).run(_X)
    expected = model(*_X)
    assert not torch.equal(found, expected)
    # With one range for all rows, a step of the small ones would be as coarse as one of the large.
    for row in range(8):
        assert torch.cosine_similarity(found[0, row], expected[0, row], 0) > 0.9995


def test_the_census_counts_linears_as_integers() -> None:
    census = _quantize(_model(), float_modules="norm").census
    # The mean of the norm is the only weight in float: 32 of 3 * 32 * 32 + 32.
    assert census.weights_fraction == pytest.approx(3072 / 3104)
    # 8 tokens: 4 projections of 32 x 32; the rest are 2 means of 32 and 2 products of 8 x 32.
    assert census.compute_fraction == pytest.approx(4096 / (4096 + 64 + 512))
    assert census.quantized == {"aten.linear": 4}


def test_everything_linear_is_quantized_unless_told_otherwise() -> None:
    assert _quantize(_model()).census.weights_fraction == 1.0


def test_bad_requests() -> None:
    assert _refused(_model(), float_modules="norms").kind == "bad-option"
    with pytest.raises(PteError, match="dotted names"):
        xnnpack_dynamic.check_options({"float_modules": "a b"})
    nothing = _refused(nn.Sequential(nn.Conv1d(8, 8, 1)).eval())
    assert nothing.kind == "lowering-failed" and "xnnpack_static" in nothing.message


class _ComputedWeight(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.nn.functional.linear(x, x[0])


def test_a_linear_without_stored_weight_is_not_passed_over() -> None:
    error = _refused(_ComputedWeight())
    assert error.kind == "lowering-failed"

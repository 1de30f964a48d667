"""The recipes whose activations are quantized while a program runs."""

from __future__ import annotations

from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.errors import PteError
from pte_foundry.inspection.delegation import inspect_program
from pte_foundry.quantization.recipe import Quantized
from pte_foundry.quantization.recipes import xnnpack_dynamic, xnnpack_dynamic_convolutions
from pte_foundry.rewrites.matmul_layer_norm import MatmulLayerNorm
from pte_foundry.testing.quantization_samples import request
from pte_foundry.validation.runtime import load_program

_SIDE = 8


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


class _InvertedResidual(nn.Module):
    """A block of MobileNetV3, its channels before the depthwise convolution 1 to 1000 in range.

    Input [1, 8, 8, 8], output [1, 8, 8, 8].
    """

    def __init__(self) -> None:
        super().__init__()
        self.expand = nn.Conv2d(8, 16, 1)
        self.depthwise = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.squeeze = nn.Conv2d(16, 4, 1)
        self.excite = nn.Conv2d(4, 16, 1)
        self.project = nn.Conv2d(16, 8, 1)
        sizes = torch.logspace(0, 3, 16).reshape(16, 1, 1, 1)
        with torch.no_grad():
            self.expand.weight *= sizes
            self.depthwise.weight /= sizes

    def forward(self, x: Tensor) -> Tensor:
        y = nn.functional.hardswish(self.expand(x))
        y = nn.functional.hardswish(self.depthwise(y))
        gate = self.excite(torch.relu(self.squeeze(y.mean((2, 3), keepdim=True))))
        return self.project(y * torch.clamp(gate + 0.5, 0.0, 1.0)) + x  # type: ignore[no-any-return]


def _model(kind: type[nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return kind().eval().requires_grad_(False)


def _picture() -> Tensor:
    """Noise; the pixels of the first row are 100 times the others."""
    x = torch.randn(1, 8, _SIDE, _SIDE, generator=torch.Generator().manual_seed(0))
    x[:, :, 0] *= 100.0
    return x


_INPUTS = {
    xnnpack_dynamic: torch.linspace(-1, 1, 8 * 32).reshape(1, 8, 32).sin(),
    xnnpack_dynamic_convolutions: _picture(),
}


def _quantize(recipe: ModuleType, module: nn.Module, **options: str) -> Quantized:
    quantized: Quantized = recipe.quantize(request(module, {}, options, (_INPUTS[recipe],)))
    return quantized


def _pte(quantized: Quantized) -> bytes:
    with torch.no_grad():
        lowered = xnnpack.lower(LoweringRequest(quantized.exported_program, "int8", {}))
    return bytes(lowered.program.buffer)


def _refused(recipe: ModuleType, module: nn.Module, **options: str) -> PteError:
    with pytest.raises(PteError) as caught:
        _quantize(recipe, module, **options)
    return caught.value


@pytest.mark.parametrize(
    ("recipe", "kind", "options", "rows"),
    [
        # With one range for all rows, a step of the small ones would be as coarse as one of the large.
        (xnnpack_dynamic, _Block, {"float_modules": "norm"}, range(8)),
        # Rows of pixels that the large ones reach through no convolution.
        (xnnpack_dynamic_convolutions, _InvertedResidual, {}, range(2, _SIDE)),
    ],
)
def test_one_call_that_runs_and_rounds_each_row_or_pixel_by_itself(
    recipe: ModuleType, kind: type[nn.Module], options: dict[str, str], rows: range
) -> None:
    model, x = _model(kind), _INPUTS[recipe]
    pte = _pte(_quantize(recipe, model, **options))
    facts = inspect_program(pte)
    assert (dict(facts.delegates), facts.undelegated_total) == ({"XnnpackBackend": 1}, 0)
    (found,) = load_program(pte).run((x,))
    expected = model(x)
    assert not torch.equal(found, expected)
    for row in rows:
        ours, theirs = (one.select(-2, row).flatten() for one in (found, expected))
        assert torch.cosine_similarity(ours, theirs, 0) > 0.9995


def test_the_census_counts_linears_as_integers() -> None:
    census = _quantize(xnnpack_dynamic, _model(_Block), float_modules="norm").census
    # The mean of the norm is the only weight in float: 32 of 3 * 32 * 32 + 32.
    assert census.weights_fraction == pytest.approx(3072 / 3104)
    # 8 tokens: 4 projections of 32 x 32; the rest are 2 means of 32 and 2 products of 8 x 32.
    assert census.compute_fraction == pytest.approx(4096 / (4096 + 64 + 512))
    assert census.quantized == {"aten.linear": 4}


def test_the_census_counts_dense_convolutions_as_integers() -> None:
    census = _quantize(xnnpack_dynamic_convolutions, _model(_InvertedResidual)).census
    dense, depthwise = 8 * 16 + 16 * 4 + 4 * 16 + 16 * 8, 16 * 9
    assert census.weights_fraction == pytest.approx(dense / (dense + depthwise))
    pixels = _SIDE * _SIDE
    macs = pixels * 2 * 128 + 2 * 64
    assert census.compute_fraction == pytest.approx(macs / (macs + pixels * depthwise))
    assert census.quantized == {"aten.conv2d": 4}
    assert census.in_float["aten.conv2d"] == 1


def test_what_stays_in_float_is_what_the_options_name() -> None:
    assert _quantize(xnnpack_dynamic, _model(_Block)).census.weights_fraction == 1.0
    model = _model(_InvertedResidual)
    census = _quantize(xnnpack_dynamic_convolutions, model, float_modules="expand").census
    assert census.quantized == {"aten.conv2d": 3}


def test_the_same_bytes_whatever_the_number_of_threads() -> None:
    recipe = xnnpack_dynamic_convolutions
    first = _pte(_quantize(recipe, _model(_InvertedResidual)))
    threads = torch.get_num_threads()
    torch.set_num_threads(1 if threads > 1 else 2)
    try:
        assert _pte(_quantize(recipe, _model(_InvertedResidual))) == first
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ("recipe", "kind", "nothing"),
    [
        (xnnpack_dynamic, _Block, nn.Conv1d(8, 8, 1)),
        (xnnpack_dynamic_convolutions, _InvertedResidual, nn.Conv2d(8, 8, 3, groups=8)),
    ],
)
def test_bad_requests(recipe: ModuleType, kind: type[nn.Module], nothing: nn.Module) -> None:
    assert _refused(recipe, _model(kind), float_modules="nroms").kind == "bad-option"
    with pytest.raises(PteError, match="dotted names"):
        recipe.check_options({"float_modules": "a b"})
    error = _refused(recipe, nn.Sequential(nothing).eval())
    assert error.kind == "lowering-failed" and "xnnpack_static" in error.message


class _ComputedLinear(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, x[0])


class _ComputedConvolution(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.conv2d(x, x[:, :, :3, :3] * 2.0)


@pytest.mark.parametrize(
    ("recipe", "module", "operator"),
    [
        (xnnpack_dynamic, _ComputedLinear(), "aten.linear"),
        (xnnpack_dynamic_convolutions, _ComputedConvolution(), "aten.conv2d"),
    ],
)
def test_a_product_without_stored_weight_is_not_passed_over(
    recipe: ModuleType, module: nn.Module, operator: str
) -> None:
    error = _refused(recipe, module)
    assert error.kind == "lowering-failed"
    assert f"{operator} in the outermost module" in error.message

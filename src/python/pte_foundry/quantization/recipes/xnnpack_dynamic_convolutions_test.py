from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.errors import PteError
from pte_foundry.inspection.delegation import inspect_program
from pte_foundry.quantization.recipe import Quantized
from pte_foundry.quantization.recipes import xnnpack_dynamic_convolutions as recipe
from pte_foundry.testing.quantization_samples import request
from pte_foundry.validation.runtime import load_program

_SIDE = 8


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


def _block() -> nn.Module:
    torch.manual_seed(0)
    return _InvertedResidual().eval().requires_grad_(False)


def _input() -> tuple[Tensor]:
    """Noise; the pixels of the first row are 100 times the others."""
    x = torch.randn(1, 8, _SIDE, _SIDE, generator=torch.Generator().manual_seed(0))
    x[:, :, 0] *= 100.0
    return (x,)


def _quantize(module: nn.Module, **options: str) -> Quantized:
    return recipe.quantize(request(module, {}, options, _input()))


def _pte(quantized: Quantized) -> bytes:
    with torch.no_grad():
        lowered = xnnpack.lower(LoweringRequest(quantized.exported_program, "int8", {}))
    return bytes(lowered.program.buffer)


def _refused(module: nn.Module, **options: str) -> PteError:
    with pytest.raises(PteError) as caught:
        _quantize(module, **options)
    return caught.value


def test_one_call_that_runs_and_rounds_no_wide_activation() -> None:
    model = _block()
    pte = _pte(_quantize(model))
    facts = inspect_program(pte)
    assert (dict(facts.delegates), facts.undelegated_total) == ({"XnnpackBackend": 1}, 0)
    (found,) = load_program(pte).run(_input())
    expected = model(*_input())
    assert not torch.equal(found, expected)
    for row in range(2, _SIDE):
        # Rows that the large pixels reach through no convolution: one range for the whole
        # activation would be 100 times as coarse there.
        cosine = torch.cosine_similarity(
            found[0, :, row].flatten(), expected[0, :, row].flatten(), 0
        )
        assert cosine > 0.9995


def test_census() -> None:
    census = _quantize(_block()).census
    dense, depthwise = 8 * 16 + 16 * 4 + 4 * 16 + 16 * 8, 16 * 9
    assert census.weights_fraction == pytest.approx(dense / (dense + depthwise))
    pixels = _SIDE * _SIDE
    macs = pixels * 2 * 128 + 2 * 64
    assert census.compute_fraction == pytest.approx(macs / (macs + pixels * depthwise))
    assert census.quantized == {"aten.conv2d": 4}
    assert census.in_float["aten.conv2d"] == 1


def test_layers_that_stay_in_float() -> None:
    assert _quantize(_block(), float_modules="expand").census.quantized == {"aten.conv2d": 3}


def test_the_same_bytes_whatever_the_number_of_threads() -> None:
    first = _pte(_quantize(_block()))
    threads = torch.get_num_threads()
    torch.set_num_threads(1 if threads > 1 else 2)
    try:
        assert _pte(_quantize(_block())) == first
    finally:
        torch.set_num_threads(threads)


def test_bad_requests() -> None:
    assert _refused(_block(), float_modules="expnad").kind == "bad-option"
    with pytest.raises(PteError, match="dotted names"):
        recipe.check_options({"float_modules": "a b"})
    nothing = _refused(nn.Sequential(nn.Conv2d(8, 8, 3, groups=8)).eval())
    assert nothing.kind == "lowering-failed" and "xnnpack_static" in nothing.message


class _ComputedWeight(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.conv2d(x, x[:, :, :3, :3] * 2.0)


def test_a_convolution_without_stored_weight_is_not_passed_over() -> None:
    error = _refused(_ComputedWeight())
    assert error.kind == "lowering-failed"
    assert "aten.conv2d in the outermost module" in error.message

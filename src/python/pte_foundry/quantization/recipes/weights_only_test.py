from __future__ import annotations

import pytest
import torch
from torch import nn

from pte_foundry.backends import vulkan
from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.errors import PteError
from pte_foundry.inspection.delegation import inspect_program
from pte_foundry.quantization.recipe import QuantizationRequest, Quantized
from pte_foundry.quantization.recipes import weights_only

_X = (torch.linspace(-1, 1, 3 * 8 * 8).reshape(1, 3, 8, 8),)


def _model() -> nn.Module:
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 8, 3), nn.Hardswish(), nn.Flatten(), nn.Linear(288, 256))
    return nn.Sequential(*layers).eval().requires_grad_(False)


def _quantize(module: nn.Module, **options: str) -> Quantized:
    return weights_only.quantize(
        QuantizationRequest("tiny", module, _X, lambda picture: _X, {}, options, lambda stage: None)
    )


def test_all_weights_and_no_computation() -> None:
    model = _model()
    quantized = _quantize(model)
    assert quantized.census.weights_fraction == 1.0
    assert quantized.census.compute_fraction == 0.0
    found, expected = quantized.exported_program.module()(*_X), model(*_X)
    assert not torch.equal(found, expected)
    assert torch.cosine_similarity(found, expected) > 0.9999


def test_linear_layers_only() -> None:
    convolution, linear = 3 * 8 * 9, 288 * 256
    census = _quantize(_model(), operators="linear").census
    assert census.weights_fraction == pytest.approx(linear / (linear + convolution))


def test_vulkan_reads_the_integers_of_linear_layers() -> None:
    program = _quantize(_model(), operators="linear").exported_program
    pte = bytes(vulkan.lower(LoweringRequest(program, "int8", {})).program.buffer)
    facts = inspect_program(pte)
    assert (dict(facts.delegates), facts.undelegated_total) == ({"VulkanBackend": 1}, 0)
    # One byte for each weight of the linear layer; float16 would take two.
    assert 288 * 256 < len(pte) < 1.5 * 288 * 256


def test_bad_requests() -> None:
    with pytest.raises(PteError, match="one of all, linear"):
        weights_only.check_options({"operators": "conv"})
    with pytest.raises(PteError, match="no weight was quantized") as caught:
        _quantize(nn.Sequential(nn.Hardswish(), nn.MaxPool2d(2)).eval())
    assert caught.value.kind == "lowering-failed"

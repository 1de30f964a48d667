from __future__ import annotations

import pytest
import torch
from torch import nn

from pte_foundry.backends.coreml import lowering as coreml
from pte_foundry.backends.coreml.container import read_container
from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.vulkan import lowering as vulkan
from pte_foundry.errors import PteError
from pte_foundry.inspection.delegation import inspect_program
from pte_foundry.inspection.payloads import delegate_payloads
from pte_foundry.quantization.recipe import QuantizationRequest, Quantized
from pte_foundry.quantization.recipes import weights_only

_PACKAGE = "model.mlpackage/Data/com.apple.CoreML"
_X = (torch.linspace(-1, 1, 3 * 8 * 8).reshape(1, 3, 8, 8),)


def _model() -> nn.Module:
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 8, 3), nn.Hardswish(), nn.Flatten(), nn.Linear(288, 256))
    return nn.Sequential(*layers).eval().requires_grad_(False)


def _quantize(module: nn.Module, **options: str) -> Quantized:
    return weights_only.quantize(
        QuantizationRequest(
            "tiny", module, (), _X, lambda picture: _X, {}, options, lambda stage: None
        )
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


def test_coreml_stores_the_integers() -> None:
    program = _quantize(_model()).exported_program
    pte = bytes(coreml.lower(LoweringRequest(program, "int8", {})).program.buffer)
    facts = inspect_program(pte)
    assert (dict(facts.delegates), facts.undelegated_total) == ({"CoreMLBackend": 1}, 0)
    (found,) = delegate_payloads(pte)
    files = read_container(found.payload).files
    stored = [one for one in program.state_dict.values() if one.dtype == torch.int8]
    stored = [one for one in stored if one.dim() > 1]
    assert len(stored) == 2
    for integers in stored:
        assert integers.numpy().tobytes() in files[f"{_PACKAGE}/weights/weight.bin"]
    # The operator of iOS 16 to 17, in front of the convolution and of the linear layer.
    assert files[f"{_PACKAGE}/model.mlmodel"].count(b"constexpr_affine_dequantize") >= 2


def test_vulkan_reads_the_integers_of_linear_layers() -> None:
    program = _quantize(_model(), operators="linear").exported_program
    pte = bytes(vulkan.lower(LoweringRequest(program, "int8", {})).program.buffer)
    facts = inspect_program(pte)
    assert (dict(facts.delegates), facts.undelegated_total) == ({"VulkanBackend": 1}, 0)
    # One byte for each weight of the linear layer; float16 would take two.
    assert 288 * 256 < len(pte) < 1.5 * 288 * 256


def test_vulkan_refuses_int8_weights_of_convolutions() -> None:
    # They lower, and the program does not load.
    program = _quantize(_model()).exported_program
    with pytest.raises(PteError, match="^lowering-failed: .*in front of aten.conv2d.default"):
        vulkan.lower(LoweringRequest(program, "int8", {}))


def test_bad_requests() -> None:
    with pytest.raises(PteError, match="one of all, linear"):
        weights_only.check_options({"operators": "conv"})
    with pytest.raises(PteError, match="^lowering-failed: .*no weight was quantized"):
        _quantize(nn.Sequential(nn.Hardswish(), nn.MaxPool2d(2)).eval())

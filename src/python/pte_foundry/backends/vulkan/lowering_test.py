from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.vulkan import lowering as vulkan
from pte_foundry.errors import PteError
from pte_foundry.inspection.delegation import inspect_program
from pte_foundry.inspection.payloads import delegate_payloads

# One large matrix, so that the size tells the type of the weights.
_PARAMETERS = 256 * 256


class _Model(nn.Module):
    """Adds along an axis of 3000 elements: too long for a texture of extent 2048."""

    rows: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(256, 256)
        self.register_buffer("rows", torch.arange(3000.0).reshape(3000, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.nn.functional.hardswish(self.linear(x)) + self.rows


def _program() -> ExportedProgram:
    torch.manual_seed(0)
    with torch.no_grad():
        return torch.export.export(_Model().eval(), (torch.ones(1, 256),), strict=False)


def _limits(options: dict[str, bytes]) -> list[int]:
    return [int.from_bytes(options[f"texture_limits_{axis}"], "little") for axis in "xyz"]


def test_the_whole_graph_at_float16_within_the_texture_limits() -> None:
    # Two lowerings in one test: each takes seconds, whatever its size.
    payloads = []
    for options, limits in (
        ({}, [16384, 16384, 2048]),
        ({"force_fp16": "true", "texture_limits": "2048"}, [2048, 2048, 2048]),
    ):
        request = LoweringRequest(_program(), "fp16", options)
        pte = bytes(vulkan.lower(request).program.buffer)
        facts = inspect_program(pte)
        assert (dict(facts.delegates), facts.undelegated_total) == ({"VulkanBackend": 1}, 0)
        assert facts.inputs[0].dtype == facts.outputs[0].dtype == "float32"
        assert 2 * _PARAMETERS < len(pte) < 3 * _PARAMETERS
        (found,) = delegate_payloads(pte)
        assert found.options["force_fp16"] == b"\x01"
        assert _limits(found.options) == limits
        payloads.append(found.payload)
    # The limits also decide what is a texture and what a buffer.
    assert payloads[0] != payloads[1]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, (16384, 16384, 2048)), ("2048", (2048,) * 3), ("4096,256,65536", (4096, 256, 65536))],
)
def test_texture_limits_are_read(value: str | None, expected: tuple[int, int, int]) -> None:
    assert vulkan._texture_limits(value) == expected


@pytest.mark.parametrize(
    "options",
    [
        {"force_fp16": "false"},
        {"force_fp16": "1"},
        *(
            {"texture_limits": value}
            for value in ("", "big", "255", "1,2", "512,512,70000", "-512")
        ),
        {"texture_limits": "512,512,512,512"},
        {"texture_limits": "512, 512, 512"},
        {"texture_limits": "²048"},
    ],
)
def test_bad_values_are_refused_before_lowering(
    options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_work(*arguments: object) -> None:
        raise AssertionError("lowering began")

    monkeypatch.setattr(vulkan, "lower_with", no_work)
    with pytest.raises(PteError) as caught:
        vulkan.lower(LoweringRequest(_program(), "fp16", options))
    assert caught.value.kind == "bad-option"
    assert all(name in caught.value.message for name in options)


class _Attention(nn.Module):
    """Masks with minus infinity, which the payload's JSON does not have."""

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.nn.functional.scaled_dot_product_attention(x, x * 2, x + 1)
        return hidden.masked_fill(x > 0.5, float("-inf")).softmax(-1)


def test_attention_has_finite_masks() -> None:
    with torch.no_grad():
        program = torch.export.export(_Attention().eval(), (torch.rand(1, 2, 4, 8),), strict=False)
    pte = bytes(vulkan.lower(LoweringRequest(program, "fp16", {})).program.buffer)
    assert inspect_program(pte).delegates["VulkanBackend"] >= 1


class _Positive(nn.Module):
    """A result whose size depends on values, which the exported program checks."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.head(x)
        return x[x > 0]


def test_sizes_that_depend_on_values_are_left_to_kernels() -> None:
    program = torch.export.export(_Positive(), (torch.randn(4, 8),), strict=False)
    lowered = vulkan.lower(LoweringRequest(program, "fp16", {}))
    facts = inspect_program(bytes(lowered.program.buffer))
    assert dict(facts.delegates) == {"VulkanBackend": 1}
    assert facts.undelegated.keys() == {"aten::index.Tensor_out"}

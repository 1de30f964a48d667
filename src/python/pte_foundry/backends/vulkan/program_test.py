from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from executorch.backends.vulkan.serialization.vulkan_graph_schema import (  # type: ignore[import-untyped]
    VkGraph,
    VkTensor,
)
from torch import Tensor, nn
from torch.nn import functional

from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.vulkan.lowering import lower as lower_with_vulkan
from pte_foundry.backends.vulkan.program import VulkanProgram, interpret
from pte_foundry.errors import PteError
from pte_foundry.inspection.payloads import delegate_payloads, named_data
from pte_foundry.testing.lowered import largest_difference, lower
from pte_foundry.testing.small_models import MODELS, picture

# float16 has a step of 1/2048 of a value; a few of them add up.
_TOLERANCE = 0.015


@pytest.mark.parametrize("model", MODELS)
def test_the_payload_computes_what_the_model_computes(model: str) -> None:
    assert largest_difference(interpret(*lower("vulkan", model)), model) < _TOLERANCE


@pytest.fixture(scope="module")
def program() -> VulkanProgram:
    return interpret(*lower("vulkan", "convolutions"))


class _Applied(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.abs() + 1,
        lambda x: functional.avg_pool2d(x, 2),
        lambda x: (x * 0.5).exp(),
        lambda x: x.neg().relu(),
        lambda x: x.pow(2) + x,
        lambda x: (x.abs() + 1).rsqrt(),
        lambda x: (x.abs() + 1).sqrt(),
        lambda x: x[:, 1:3] * 2,
        lambda x: x[..., :2] * 2,
        lambda x: x[:, 2] * 2,
        lambda x: x.sum(1, keepdim=True),
        lambda x: x.tanh(),
    ],
    ids=[
        "abs",
        "avg_pool",
        "exp",
        "relu",
        "pow",
        "rsqrt",
        "sqrt",
        "slice",
        "slice-from-0",
        "select",
        "sum",
        "tanh",
    ],
)
def test_operators_that_models_of_users_have(function: Callable[[Tensor], Tensor]) -> None:
    x = torch.randn(1, 4, 6, 8, generator=torch.Generator().manual_seed(1))
    exported = torch.export.export(_Applied(function), (x,), strict=False)
    pte = bytes(lower_with_vulkan(LoweringRequest(exported, "fp16", {})).program.buffer)
    (payload,) = delegate_payloads(pte)
    (found,) = interpret(payload.payload, named_data(pte)).run([x])
    expected = function(x)
    assert found.shape == expected.shape
    assert (found - expected).abs().max() < 0.01 * expected.abs().max()


def test_results_are_rounded_to_float16(program: VulkanProgram) -> None:
    (output,) = program.run([picture()])
    assert output.dtype == torch.float32
    assert torch.equal(output, output.half().float())


def test_a_changed_weight_changes_the_output(program: VulkanProgram) -> None:
    constants = list(program.payload.constants)
    constants[0] = bytes(len(constants[0]))
    changed = VulkanProgram(replace(program.payload, constants=tuple(constants)))
    assert largest_difference(changed, "convolutions") > 10 * _TOLERANCE


def _rename(graph: VkGraph) -> None:
    graph.chain[0].name = "aten.quantum.default"


def _reverse(graph: VkGraph) -> None:
    graph.chain.reverse()


def _shrink(graph: VkGraph) -> None:
    first = next(call for call in graph.chain if "conv" in call.name)
    graph.values[first.args[-1]].value.dims[1] = 7


def _drop_outputs(graph: VkGraph) -> None:
    graph.chain.pop()


def _share_memory(graph: VkGraph) -> None:
    """Give an input of a later node the place of what is written in between."""
    for value in graph.values:
        if isinstance(value.value, VkTensor) and value.value.mem_obj_id >= 0:
            value.value.mem_obj_id = 0


def _far_value(graph: VkGraph) -> None:
    graph.chain[0].args[0] = 1 << 20


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (_rename, "not-interpretable", "does not have this operator"),
        (_reverse, "structure", "which nothing has written or kept"),
        (_shrink, "structure", r"is declared as \(1, 7, .*computed \(1, 8, "),
        (_drop_outputs, "structure", "output .*which nothing has written"),
        (_far_value, "structure", "there is no value 1048576"),
    ],
)
def test_a_graph_that_contradicts_itself_is_refused(
    program: VulkanProgram, change: Callable[[VkGraph], None], kind: str, message: str
) -> None:
    graph = copy.deepcopy(program.payload.graph)
    change(graph)
    with pytest.raises(PteError, match=message) as caught:
        VulkanProgram(replace(program.payload, graph=graph)).run([picture()])
    assert caught.value.kind == kind


def test_memory_that_is_shared_too_early_is_found() -> None:
    payload = interpret(*lower("vulkan", "attention")).payload
    graph = copy.deepcopy(payload.graph)
    _share_memory(graph)
    with pytest.raises(PteError, match="which nothing has written or kept"):
        VulkanProgram(replace(payload, graph=graph)).run([picture()])


def test_missing_data_are_found() -> None:
    payload, named_data = lower("vulkan", "convolutions")
    with pytest.raises(PteError, match="the program has no data"):
        interpret(payload, {})
    first = next(iter(named_data))
    with pytest.raises(PteError, match="has 3 of"):
        interpret(payload, {**named_data, first: b"abc"})


@pytest.mark.parametrize("payload", [b"", b"\0" * 64, b"\0\0\0\0VH00" + b"\xff" * 40])
def test_what_is_no_payload_is_refused(payload: bytes) -> None:
    with pytest.raises(PteError, match="its header"):
        interpret(payload, {})


def test_another_number_of_inputs_is_refused(program: VulkanProgram) -> None:
    with pytest.raises(PteError, match="takes 1 inputs, given 2"):
        program.run([picture(), picture()])

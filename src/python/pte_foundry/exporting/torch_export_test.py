from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch._decomp import register_decomposition

from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.portable.lowering import lower
from pte_foundry.errors import PteError
from pte_foundry.exporting.torch_export import export_module
from pte_foundry.models.fixed_inputs import fixed_inputs
from pte_foundry.records.model_request import ModelRequest, WeightsRequest
from pte_foundry.records.tensor_spec import DTYPES, TensorSpec, parse_tensor_spec
from pte_foundry.validation.runtime import load_program


def _define(name: str) -> None:
    operator = torch.library.custom_op(f"torch_export_test::{name}", _twice, mutates_args=())
    operator.register_fake(torch.empty_like)


def _twice(values: Tensor) -> Tensor:
    return values * 2


_define("doubled")
_define("opaque")


@register_decomposition(torch.ops.torch_export_test.doubled.default)
def _doubled_is(values: Tensor) -> Tensor:
    return values + values


class _Calls(nn.Module):
    def __init__(self, operator: str) -> None:
        super().__init__()
        self.operator = getattr(torch.ops.torch_export_test, operator)

    def forward(self, values: Tensor) -> Tensor:
        result: Tensor = self.operator(values)
        return result


class _Both(nn.Module):
    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        return first + second


def _request(inputs: dict[str, str], imports: tuple[str, ...] = ()) -> ModelRequest:
    specs = tuple(parse_tensor_spec(name, text) for name, text in inputs.items())
    return ModelRequest("m", "b", specs, WeightsRequest("seeded", None), imports)


def test_an_operator_is_what_it_decomposes_to() -> None:
    request = _request({"values": "float32[4]"}, ("somewhere",))
    program = export_module(_Calls("doubled"), (torch.ones(4),), request)
    calls = [str(node.target) for node in program.graph.nodes if node.op == "call_function"]
    assert calls == ["aten.add.Tensor"]


def test_an_operator_without_a_decomposition_is_named() -> None:
    request = _request({"values": "float32[4]"}, ("somewhere",))
    with pytest.raises(PteError, match="torch_export_test.opaque") as caught:
        export_module(_Calls("opaque"), (torch.ones(4),), request)
    assert caught.value.kind == "lowering-failed"
    assert "register_decomposition" in caught.value.message


def test_dimensions_of_one_name_have_one_size() -> None:
    request = _request({"first": "float32[n=1..6,2]", "second": "float32[n=1..6,2]"})
    (inputs,) = fixed_inputs(request.inputs, 1)
    program = export_module(_Both(), inputs, request)
    (bounds,) = program.range_constraints.values()
    assert (bounds.lower, bounds.upper) == (1, 6)
    for size in (1, 4, 6):
        values = torch.ones(size, 2)
        assert torch.equal(program.module()(values, values), values * 2)
    with pytest.raises(AssertionError, match="Guard"):
        program.module()(torch.ones(7, 2), torch.ones(7, 2))


def test_a_fixed_shape_stays_fixed() -> None:
    request = _request({"first": "float32[3,2]", "second": "float32[3,2]"})
    (inputs,) = fixed_inputs(request.inputs, 1)
    assert not export_module(_Both(), inputs, request).range_constraints


class _Doubled(nn.Module):
    def forward(self, *values: Tensor) -> tuple[Tensor, ...]:
        return tuple(value.to(torch.float32) * 2.0 for value in values)


def test_inputs_of_every_type_get_through_to_the_runtime() -> None:
    specs = tuple(TensorSpec(f"input_{dtype}", dtype, (2, 3)) for dtype in DTYPES)
    (inputs,) = fixed_inputs(specs, 1)
    request = ModelRequest("m", "b", specs, WeightsRequest("seeded", None))
    lowered = lower(LoweringRequest(export_module(_Doubled(), inputs, request), "fp32", {}))
    program = load_program(bytes(lowered.program.buffer))
    assert [dtype for _, dtype in program.inputs] == list(DTYPES)
    for found, given in zip(program.run(inputs), inputs, strict=True):
        assert torch.equal(found, given.to(torch.float32) * 2.0)

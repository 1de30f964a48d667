"""Inputs of every declared element type get through to the runtime."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.portable.lowering import lower
from pte_foundry.exporting.torch_export import export_module
from pte_foundry.models.fixed_inputs import fixed_inputs
from pte_foundry.records.model_request import ModelRequest, WeightsRequest
from pte_foundry.records.tensor_spec import DTYPES, TensorSpec
from pte_foundry.validation.runtime import load_program


class _Doubled(nn.Module):
    def forward(self, *values: Tensor) -> tuple[Tensor, ...]:
        return tuple(value.to(torch.float32) * 2.0 for value in values)


def test_inputs_of_every_type() -> None:
    specs = tuple(TensorSpec(f"input_{dtype}", dtype, (2, 3)) for dtype in DTYPES)
    (inputs,) = fixed_inputs(specs, 1)
    request = ModelRequest("m", "b", specs, WeightsRequest("seeded", None))
    lowered = lower(LoweringRequest(export_module(_Doubled(), inputs, request), "fp32", {}))
    program = load_program(bytes(lowered.program.buffer))
    assert [dtype for _, dtype in program.inputs] == list(DTYPES)
    for found, given in zip(program.run(inputs), inputs, strict=True):
        assert torch.equal(found, given.to(torch.float32) * 2.0)

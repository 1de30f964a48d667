from __future__ import annotations

import torch
from executorch.exir._serialize._program import (  # type: ignore[import-untyped]
    deserialize_pte_binary,
)
from torch import Tensor, nn

from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.validation.payload_weights.handed_constants import handed_constants


class _Shifted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 4)
        self.register_buffer("shift", torch.arange(24.0).reshape(1, 6, 4))

    def forward(self, rows: Tensor) -> Tensor:
        shifted: Tensor = self.linear(rows) + self.shift
        return shifted


def test_what_an_addition_takes_is_handed_to_the_delegate() -> None:
    exported = torch.export.export(_Shifted().eval(), (torch.rand(1, 6, 6),), strict=False)
    lowered = xnnpack.lower(LoweringRequest(exported, "fp32", {}))
    (constant,) = handed_constants(deserialize_pte_binary(bytes(lowered.program.buffer)).program)
    assert torch.equal(constant.values, torch.arange(24.0).reshape(1, 6, 4))
    assert (constant.scale, constant.stored_bytes, constant.precision) == (None, 96, torch.float32)

"""In the toolchain of an ExecuTorch that has MPS: tests/end_to_end/older_executorch_test.py."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from explain.inside.delegate_calls import delegate_calls
from explain.inside.lowering_record import record_lowering
from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.mps import lowering as mps


class Model(nn.Module):
    """Convolutions around an operator that MPS lacks."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        result: Tensor = self.second(torch.topk(self.first(image), 4)[0])
        return result


def test_what_is_left_over_has_its_reason() -> None:
    exported = torch.export.export(Model().eval(), (torch.zeros(1, 3, 4, 4),), strict=False)
    with record_lowering(etrecord=False) as record, torch.no_grad():
        mps.lower(LoweringRequest(exported, "fp16", {}))
    found = {each.operator: each.reason for each in record.left_over}
    assert "MPS has no implementation of it" in found["aten.topk.default"]
    assert [name for name in found if "conv" in name] == []
    assert record.edge is not None
    calls = delegate_calls(record.edge.exported_program().graph_module)
    assert [call.operators["aten.convolution.default"] for call in calls] == [1, 1]

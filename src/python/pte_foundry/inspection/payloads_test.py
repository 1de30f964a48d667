from __future__ import annotations

import torch
from torch import nn

from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.portable import lowering as portable
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.inspection.payloads import delegate_payloads


def test_payloads_are_what_the_program_holds() -> None:
    with torch.no_grad():
        module = nn.Sequential(nn.Linear(4, 3), nn.Flatten()).eval()
        program = torch.export.export(module, (torch.ones(1, 4),), strict=False)
    pte = bytes(xnnpack.lower(LoweringRequest(program, "fp32", {})).program.buffer)
    (found,) = delegate_payloads(pte)
    assert found.delegate == "XnnpackBackend"
    # XNNPACK's header has its magic after four bytes; the payload is in the program as it is.
    assert found.payload[4:8] == b"XH00" and found.payload in pte
    without = portable.lower(LoweringRequest(program, "fp32", {}))
    assert delegate_payloads(bytes(without.program.buffer)) == ()

from __future__ import annotations

import random

import pytest
import torch
from torch import Tensor, nn

from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.portable import lowering as portable
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.errors import PteError
from pte_foundry.inspection.delegation import TensorFacts, inspect_program
from pte_foundry.inspection.payloads import delegate_payloads


class _Interrupted(nn.Module):
    """XNNPACK has no cumulative sum: it gets called before and after."""

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return torch.cumsum(x * y + x, 1) * x * y, y + x


@pytest.fixture(scope="module")
def ptes() -> tuple[bytes, bytes]:
    inputs = (torch.ones(1, 2, 3), torch.ones(1, 2, 3))
    with torch.no_grad():
        program = torch.export.export(_Interrupted().eval(), inputs, strict=False)
    request = LoweringRequest(program, "fp32", {})
    return tuple(  # type: ignore[return-value]
        bytes(backend.lower(request).program.buffer) for backend in (portable, xnnpack)
    )


def test_portable_program(ptes: tuple[bytes, bytes]) -> None:
    facts = inspect_program(ptes[0])
    assert facts.delegates == {} and facts.delegate_calls == 0
    assert facts.undelegated == {"aten::add.out": 2, "aten::cumsum.out": 1, "aten::mul.out": 3}
    assert facts.undelegated_total == 6
    tensor = TensorFacts((1, 2, 3), "float32", (0, 1, 2))
    assert facts.inputs == facts.outputs == (tensor, tensor)
    assert len(facts.planned_memory_bytes) == 1 and facts.planned_memory_bytes[0] >= 4 * 24


def test_partly_delegated_program(ptes: tuple[bytes, bytes]) -> None:
    facts = inspect_program(ptes[1])
    assert facts.delegates == {"XnnpackBackend": 2} and facts.delegate_calls == 2
    assert facts.undelegated == {"aten::cumsum.out": 1}


def test_bytes_that_are_not_a_program(ptes: tuple[bytes, bytes]) -> None:
    generator = random.Random(1)
    pte = ptes[1]
    for damaged in (
        b"",
        b"ET12",
        pte[: len(pte) // 4],
        bytes(generator.randrange(256) for _ in range(4096)),
        b"\0" * 4096,
    ):
        with pytest.raises(PteError) as caught:
            inspect_program(damaged)
        assert caught.value.kind == "structure"
        assert f"{len(damaged)} bytes" in caught.value.message
        assert "\n" not in caught.value.message


def test_payloads_are_what_the_program_holds(ptes: tuple[bytes, bytes]) -> None:
    assert delegate_payloads(ptes[0]) == ()
    for found in delegate_payloads(ptes[1]):
        assert found.delegate == "XnnpackBackend"
        # XNNPACK's header has its magic after four bytes; the payload is in the program as it is.
        assert found.payload[4:8] == b"XH00" and found.payload in ptes[1]

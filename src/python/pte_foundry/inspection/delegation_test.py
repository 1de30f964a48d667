from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from executorch.exir._serialize._program import (  # type: ignore[import-untyped]
    deserialize_pte_binary,
    serialize_pte_binary,
)
from executorch.exir.schema import Int  # type: ignore[import-untyped]
from torch import Tensor, nn

from pte_foundry.backends.lowering import LoweringRequest
from pte_foundry.backends.portable import lowering as portable
from pte_foundry.backends.xnnpack import lowering as xnnpack
from pte_foundry.errors import PteError
from pte_foundry.inspection.delegation import TensorFacts, inspect_program
from pte_foundry.inspection.payloads import delegate_payloads

METHODS = {"get_name": ('größe "a"\n',), "get_both": ("x", "y")}


class _Interrupted(nn.Module):
    """XNNPACK has no cumulative sum: it gets called before and after."""

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return torch.cumsum(x * y + x, 1) * x * y, y + x


@pytest.fixture(scope="module")
def ptes() -> tuple[bytes, bytes]:
    inputs = (torch.ones(1, 2, 3), torch.ones(1, 2, 3))
    with torch.no_grad():
        program = torch.export.export(_Interrupted().eval(), inputs, strict=False)
    request = LoweringRequest(program, "fp32", {}, METHODS)
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


def test_constant_methods(ptes: tuple[bytes, bytes]) -> None:
    for pte in ptes:
        assert inspect_program(pte).constant_methods == METHODS


def _gets_an_input(program: Any) -> None:
    program.execution_plan[1].inputs = [0]


def _leaves_a_value_out(program: Any) -> None:
    program.execution_plan[2].outputs = [1]


def _returns_a_number(program: Any) -> None:
    program.execution_plan[1].values[0].val = Int(7)


def _returns_nothing(program: Any) -> None:
    program.execution_plan[1].values = program.execution_plan[1].outputs = []


def _has_memory(program: Any) -> None:
    program.execution_plan[1].non_const_buffer_sizes = [0, 16]


def _computes(program: Any) -> None:
    first, second, _ = program.execution_plan
    second.operators, second.chains = first.operators, first.chains


def _occurs_twice(program: Any) -> None:
    program.execution_plan.append(program.execution_plan[1])


def _comes_before_forward(program: Any) -> None:
    program.execution_plan.reverse()


def _has_no_forward(program: Any) -> None:
    del program.execution_plan[0]


@pytest.mark.parametrize(
    "change",
    [
        _gets_an_input,
        _leaves_a_value_out,
        _returns_a_number,
        _returns_nothing,
        _has_memory,
        _computes,
        _occurs_twice,
        _comes_before_forward,
        _has_no_forward,
    ],
)
def test_other_methods(ptes: tuple[bytes, bytes], change: Callable[[Any], None]) -> None:
    file = deserialize_pte_binary(ptes[0])
    change(file.program)
    changed = bytes(serialize_pte_binary(file))
    with pytest.raises(PteError, match="method|forward") as caught:
        inspect_program(changed)
    assert caught.value.kind == "structure"


def test_payloads_are_what_the_program_holds(ptes: tuple[bytes, bytes]) -> None:
    assert delegate_payloads(ptes[0]) == ()
    for found in delegate_payloads(ptes[1]):
        assert found.delegate == "XnnpackBackend"
        # XNNPACK's header has its magic after four bytes; the payload is in the program as it is.
        assert found.payload[4:8] == b"XH00" and found.payload in ptes[1]

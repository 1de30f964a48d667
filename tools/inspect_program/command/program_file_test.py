from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import (  # type: ignore[import-untyped]
    XnnpackPartitioner,
)
from executorch.exir import (  # type: ignore[import-untyped]
    ExecutorchBackendConfig,
    to_edge_transform_and_lower,
)
from torch import Tensor, nn
from torch.export import Dim

from inspect_program.command.flat_tables import NotReadable
from inspect_program.command.program_file import ProgramFile, Value, read_program


class Net(nn.Module):
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)
        self.register_buffer("count", torch.zeros(1))

    def forward(self, rows: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        self.count.add_(1)
        return self.linear(rows).sigmoid() + self.count, mask.logical_not()


INPUTS = (torch.zeros(2, 4), torch.zeros(5, dtype=torch.bool))


def program(
    delegated: bool = False,
    dynamic: bool = False,
    constants: Mapping[str, Any] | None = None,
    **config: Any,
) -> bytes:
    shapes = ({0: Dim("rows", min=1, max=8)}, None) if dynamic else None
    exported = torch.export.export(Net().eval(), INPUTS, dynamic_shapes=shapes, strict=True)
    lowered = to_edge_transform_and_lower(
        exported,
        partitioner=[XnnpackPartitioner()] if delegated else None,
        constant_methods=constants,
    )
    return bytes(lowered.to_executorch(ExecutorchBackendConfig(**config)).buffer)


@pytest.fixture(scope="module")
def portable() -> bytes:
    return program()


@pytest.fixture(scope="module")
def delegated() -> bytes:
    return program(delegated=True)


def forward(read: ProgramFile) -> Any:
    return next(method for method in read.methods if method.name == "forward")


def test_a_portable_program(portable: bytes) -> None:
    read = read_program(portable)
    assert read.size == len(portable)
    method = forward(read)
    assert method.inputs == (Value("float32[2,4]"), Value("bool[5]"))
    assert method.outputs[-2:] == (Value("float32[2,3]"), Value("bool[5]"))
    assert method.delegates == () and method.constant is None
    assert method.operators["aten::sigmoid.out"] == 1
    assert method.operators["aten::logical_not.out"] == 1
    # Weight and bias, and the counter.
    assert read.constant_bytes >= (4 * 3 + 3) * 4
    assert method.planned_bytes > 0


def test_planned_memory_is_what_executorch_reads(portable: bytes) -> None:
    from executorch.exir._serialize._program import (  # type: ignore[import-untyped]
        deserialize_pte_binary,
    )

    (plan,) = deserialize_pte_binary(portable).program.execution_plan
    assert forward(read_program(portable)).planned_bytes == sum(plan.non_const_buffer_sizes)


def test_a_delegate(delegated: bytes) -> None:
    method = forward(read_program(delegated))
    (delegate,) = method.delegates
    assert (delegate.name, delegate.calls) == ("XnnpackBackend", 1)
    assert 0 < delegate.payload_bytes < len(delegated)
    assert "aten::sigmoid.out" not in method.operators


def test_payloads_inside_of_the_flatbuffer() -> None:
    method = forward(read_program(program(delegated=True, extract_delegate_segments=False)))
    assert method.delegates[0].payload_bytes > 0


def test_sizes_that_may_be_smaller() -> None:
    method = forward(read_program(program(dynamic=True)))
    assert method.inputs[0] == Value("float32[8,4]", dynamic=True)
    assert method.outputs[-2].dynamic and not method.outputs[-1].dynamic


def test_constant_methods() -> None:
    read = read_program(
        program(constants={"name": "net", "classes": 7, "scale": 0.5, "quantized": True})
    )
    stated = {method.name: method.constant for method in read.methods}
    assert stated.pop("forward") is None
    assert stated == {"name": "net", "classes": "7", "scale": "0.5", "quantized": "True"}


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 8, b"PK\x03\x04" * 20, b"\0\0\0\0ET12", b"\xff\xff\xff\x7fET12" * 9]
)
def test_what_is_no_program(content: bytes) -> None:
    with pytest.raises(NotReadable):
        read_program(content)


def test_cut_files(delegated: bytes) -> None:
    for length in range(0, len(delegated), max(1, len(delegated) // 50)):
        with pytest.raises(NotReadable):
            read_program(delegated[:length])


def test_damaged_files_raise_nothing_else(portable: bytes) -> None:
    chance = random.Random(1)
    for _ in range(2000):
        damaged = bytearray(portable)
        for _ in range(chance.randint(1, 8)):
            damaged[chance.randrange(len(damaged))] = chance.choice((0, 1, 127, 255))
        with suppress(NotReadable):
            read_program(bytes(damaged))

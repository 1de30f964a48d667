"""What a child that the bytes have taken over may answer, the same for a seed on every machine."""

from __future__ import annotations

import json
import os
import random
import socket
import stat
import struct
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from pte_foundry.backends.content import Constant, PayloadContent
from pte_foundry.errors import PteError
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.limits import Limits
from pte_foundry.validation import described, inspected, runtime
from pte_foundry.validation.isolation.child_process import ChildProcess, Facts, Serve

_SEED = "pte-foundry hostile answers 1"
_LIMITS = Limits(seconds=10, memory_mb=64)

# As JSON text, since some of them are no JSON value of Python's.
_LEAVES = (
    "1e999", "-1e999", "NaN", "Infinity", str(2**70), str(-(2**70)), "9" * 5000, "-1", "0", "1.5", "true", "null",
    '""', '"\\ud800"', '"\\u001b[2J"', "[]", "{}", "[[]]", "[" * 100_000, '"' + "x" * 100_000 + '"', str(2**62),
)  # fmt: skip


def answers(first: int, count: int) -> Counter[str]:
    """Have children answer; returns how often each kind of error resulted, or `accepted`.

    Anything but a PteError from the readers of answers propagates to the caller.
    """
    outcomes: Counter[str] = Counter()
    for number in range(first, first + count):
        chance = random.Random(f"{_SEED}/{number}")
        before, read, good, tensors = chance.choice(_READERS)
        outcomes[_outcome(read, before + _hostile(chance, good, tensors))] += 1
    return outcomes


def _outcome(read: Callable[[ChildProcess], object], data: bytes) -> str:
    def start() -> tuple[Facts, Mapping[str, Serve]]:
        _connection().sendall(data)
        os._exit(0)

    try:
        with ChildProcess(start, _LIMITS) as child:
            read(child)
    except PteError as error:
        said = error
    else:
        return "accepted"
    assert said.message.isprintable() and len(said.message) < 5000, said
    return said.kind


def _connection() -> socket.socket:
    """The child's own, which is the only socket that it has."""
    descriptors = [int(name) for name in os.listdir("/dev/fd")]
    for descriptor in descriptors:
        try:
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                return socket.socket(fileno=descriptor)
        except OSError:
            continue  # That of the listing itself.
    raise AssertionError("a child without a connection")


def _hostile(chance: random.Random, good: Any, tensors: Sequence[Tensor]) -> bytes:
    """A message with one wrong value, or a few wrong bytes."""
    described_tensors = [
        {"dtype": str(one.dtype).removeprefix("torch."), "shape": list(one.shape)}
        for one in tensors
    ]
    header = {"content": good, "tensors": described_tensors}
    text = json.dumps(header)
    sort = chance.randrange(4)
    if sort < 2:
        place = chance.choice(_leaves(header))
        text = json.dumps(_with(header, place, "@@")).replace('"@@"', chance.choice(_LEAVES), 1)
    elif sort == 2:
        many = 100_000 // max(1, len(described_tensors))
        header["tensors"] = described_tensors * chance.choice((0, 2, many))
        text = json.dumps(header)
    data = _message(text) + b"".join(one.numpy().tobytes() for one in tensors)
    if sort == 3:
        changed = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        data = bytes(changed)[: chance.choice((len(changed), chance.randrange(len(changed))))]
    return data


def _leaves(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Places of all values, containers too, but for the whole."""
    keys = (
        list(value)
        if isinstance(value, dict)
        else range(len(value)) if isinstance(value, list) else ()
    )
    below = [each for key in keys for each in _leaves(value[key], (*place, key))]
    return [*([place] if place else []), *below]


def _with(value: Any, place: tuple[Any, ...], other: Any) -> Any:
    if not place:
        return other
    copy = value.copy()
    copy[place[0]] = _with(value[place[0]], place[1:], other)
    return copy


_TENSOR = {"shape": [1, 3], "dtype": "float32", "dim_order": [0, 1]}
_INSPECTED = {
    "facts": {
        "delegates": {"XnnpackBackend": 1},
        "undelegated": {},
        "planned_memory_bytes": [64],
        "inputs": [_TENSOR],
        "outputs": [_TENSOR],
    },
    "has_identifier": True,
    "schema_version": 0,
}
_CONTENT = PayloadContent(
    (
        Constant("a", torch.ones(2, 3), None, 24, torch.float32),
        Constant("b", torch.ones(2, 3), torch.ones(1), 6, torch.float16),
    ),
    {"conv": 1}, 1, 0, (((1, 3), "float32"),), (((1, 3), "float32"),), {"float32": 1}, False,
)  # fmt: skip


def _read_inspected(child: ChildProcess) -> object:
    return inspected._read(Fields(child.facts, "the facts"))


def _message(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<I", len(data)) + data


_SIGNATURE = {"inputs": [_TENSOR], "outputs": [_TENSOR]}
_DESCRIPTION, _NUMBERS = described.encode(described.Description(_CONTENT, ("one",)))
_FACTS = _message('{"content": {}, "tensors": []}')

# What comes before the answer, who reads it, and a good one.
_READERS: tuple[tuple[bytes, Callable[[ChildProcess], object], Any, Sequence[Tensor]], ...] = (
    (b"", _read_inspected, _INSPECTED, ()),
    (b"", runtime.signature_of, _SIGNATURE, ()),
    (_FACTS, described.ask, _DESCRIPTION, _NUMBERS),
)

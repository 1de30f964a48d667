from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from pte_foundry.validation.isolation.messages import (
    BadMessage,
    Closed,
    Message,
    TooLate,
    receive,
    send,
)


@pytest.fixture()
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


Pair = tuple[socket.socket, socket.socket]


def header(content: object, tensors: object) -> bytes:
    return text(json.dumps({"content": content, "tensors": tensors}))


def text(words: str) -> bytes:
    return struct.pack("<I", len(words)) + words.encode()


@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor([[1.5, -2.0]]),
        torch.tensor(3, dtype=torch.int64),
        torch.tensor([True, False]),
        torch.tensor([1.0], dtype=torch.bfloat16),
        torch.empty(0, 4, dtype=torch.float16),
        torch.arange(6.0).reshape(2, 3).T,
    ],
)
def test_a_message_arrives_as_it_was_sent(pair: Pair, tensor: torch.Tensor) -> None:
    ours, theirs = pair
    send(ours, Message({"a": [1, "x"]}, (tensor, tensor)))
    message = receive(theirs, 1 << 20)
    assert message.content == {"a": [1, "x"]}
    for found in message.tensors:
        assert found.dtype == tensor.dtype and torch.equal(found, tensor)


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<I", 1 << 31),
        struct.pack("<I", 3) + b"{]}",
        struct.pack("<I", 100_000) + b"[" * 100_000,
        header(1, [{"dtype": "float32", "shape": [1 << 40]}]),
        header(1, [{"dtype": "float32", "shape": [200]}, {"dtype": "int8", "shape": [300]}]),
        header(1, [{"dtype": "float32", "shape": [-1]}]),
        header(1, [{"dtype": "object", "shape": [1]}]),
        header(1, "x"),
        header(1, [{"dtype": "float32", "shape": [0]}] * 20_000),
        header(1, [{"dtype": "float32", "shape": [2**70, 0]}]),
        header(1, [{"dtype": "float32", "shape": [1.0]}]),
        header(1, [{"dtype": "float32", "shape": [True]}]),
        header(1, [{"dtype": "float32", "shape": [1] * 65}]),
        header({"a": [2**70]}, []),
        header([float("nan")], []),
        header("\ud800", []),
        header({"\ud800": 1}, []),
        text('{"content": 1e999, "tensors": []}'),
        text('{"content": 1, "tensors": [{"dtype": "int8", "shape": [1e999]}]}'),
    ],
    ids=[
        *("long", "no json", "deep", "huge", "too much", "negative", "dtype", "list"),
        *("many", "beyond an index", "float", "truth", "dimensions", "70 bits", "NaN"),
        *("half a character", "half a character in a name", "infinite", "infinite shape"),
    ],
)
def test_what_a_hostile_sender_says_is_refused_before_it_is_believed(
    pair: Pair, data: bytes
) -> None:
    ours, theirs = pair
    with ThreadPoolExecutor() as sender:
        sender.submit(ours.sendall, data)  # More than fits into the pipe.
        with pytest.raises(BadMessage):
            receive(theirs, 1000)


def test_the_end_of_the_other_side(pair: Pair) -> None:
    ours, theirs = pair
    ours.sendall(header(1, [{"dtype": "float32", "shape": [4]}]) + b"1234")
    ours.close()
    with pytest.raises(Closed):
        receive(theirs, 1000)
    with pytest.raises(Closed):
        send(theirs, Message(None, (torch.ones(1 << 20),)))


def test_a_deadline_holds_for_both_directions(pair: Pair) -> None:
    ours, theirs = pair
    deadline = time.monotonic() + 0.2
    with pytest.raises(TooLate):
        receive(theirs, 1000, deadline)
    with pytest.raises(TooLate):
        send(ours, Message(None, (torch.ones(8 << 20),)), time.monotonic() + 0.2)


def test_many_empty_tensors_do_not_outlast_the_deadline(pair: Pair) -> None:
    ours, theirs = pair
    ours.sendall(header(1, [{"dtype": "float32", "shape": [0]}] * 1000))
    with pytest.raises(TooLate):
        receive(theirs, 1000, time.monotonic())


def test_a_truth_value_is_one_or_none(pair: Pair) -> None:
    ours, theirs = pair
    ours.sendall(header(1, [{"dtype": "bool", "shape": [3]}]) + b"\x00\x01\x07")
    (found,) = receive(theirs, 1000).tensors
    assert found.view(torch.uint8).tolist() == [0, 1, 1]

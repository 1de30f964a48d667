"""Messages between two processes: JSON and tensors, nothing that could be executed.

    4 bytes     length of the header, little-endian
    header      JSON: {"content": ..., "tensors": [{"dtype": "float32", "shape": [1, 3]}, ...]}
    values      of each tensor in turn: row-major, in the machine's byte order

The receiver trusts none of it: sizes are bounded before anything is allocated.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_LENGTH = struct.Struct("<I")
_MAX_HEADER = 64 << 20
_CHUNK = 1 << 20
_DTYPES: dict[str, torch.dtype] = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.bool,
        torch.uint8,
        torch.int8,
        torch.int16,
        torch.int32,
        torch.int64,
        torch.float16,
        torch.bfloat16,
        torch.float32,
        torch.float64,
    )
}


class BadMessage(Exception):
    """The other side sent what is no message, or too large a one."""


class Closed(Exception):
    """The other side has gone, before or within a message."""


class TooLate(Exception):
    """The deadline has passed."""


@dataclass(frozen=True)
class Message:
    """`content` is any JSON value."""

    content: Any
    tensors: tuple[Tensor, ...] = ()


def send(connection: socket.socket, message: Message, deadline: float | None = None) -> None:
    """Send one message.

    Args:
        deadline: of `time.monotonic`; None waits for ever.

    Raises:
        BadMessage: for a tensor whose element type has no place in a message, before any byte is sent.
        Closed: if the other side has gone.
        TooLate: if the deadline has passed.
    """
    described = []
    for tensor in message.tensors:
        name = str(tensor.dtype).removeprefix("torch.")
        if _DTYPES.get(name) is not tensor.dtype:
            raise BadMessage(f"a tensor of {name} cannot be sent")
        described.append({"dtype": name, "shape": list(tensor.shape)})
    header = json.dumps({"content": message.content, "tensors": described}).encode()
    try:
        _send_all(connection, _LENGTH.pack(len(header)) + header, deadline)
        for tensor in message.tensors:
            values = tensor.detach().contiguous().reshape(-1).view(torch.uint8)
            _send_all(connection, values.numpy().data, deadline)
    except (BrokenPipeError, ConnectionError) as error:
        raise Closed from error


def receive(connection: socket.socket, max_bytes: int, deadline: float | None = None) -> Message:
    """Receive one message; arguments and errors as of `send`.

    Args:
        max_bytes: of all tensors together.

    Raises:
        BadMessage: also for what is no message, or too large a one.
    """
    (length,) = _LENGTH.unpack(_receive_exactly(connection, _LENGTH.size, deadline))
    if length > _MAX_HEADER:
        raise BadMessage(f"a header of {length} bytes")
    shapes, content = _header(_receive_exactly(connection, length, deadline))
    sizes = [math.prod(shape) * dtype.itemsize for dtype, shape in shapes]
    if sum(sizes) > max_bytes:
        raise BadMessage(f"tensors of {sum(sizes)} bytes")
    tensors = []
    for (dtype, shape), size in zip(shapes, sizes):
        values = _receive_exactly(connection, size, deadline)
        flat = torch.frombuffer(values, dtype=dtype) if size else torch.empty(0, dtype=dtype)
        tensors.append(flat.reshape(shape))
    return Message(content, tuple(tensors))


def _header(text: bytearray) -> tuple[list[tuple[torch.dtype, list[int]]], Any]:
    try:
        header = json.loads(text)
        shapes = []
        for described in header["tensors"]:
            shape = [int(size) for size in described["shape"]]
            if min(shape, default=0) < 0:
                raise ValueError(f"shape {shape}")
            shapes.append((_DTYPES[described["dtype"]], shape))
        return shapes, header["content"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadMessage(f"a header that is none ({type(error).__name__}: {error})") from error


def _send_all(connection: socket.socket, data: bytes | memoryview, deadline: float | None) -> None:
    view = memoryview(data).cast("B")
    while view:
        _wait(connection, deadline)
        try:
            view = view[connection.send(view[:_CHUNK]) :]
        except TimeoutError as error:
            raise TooLate from error


def _receive_exactly(connection: socket.socket, size: int, deadline: float | None) -> bytearray:
    data = bytearray(size)
    view, have = memoryview(data), 0
    while have < size:
        _wait(connection, deadline)
        try:
            count = connection.recv_into(view[have:])
        except TimeoutError as error:
            raise TooLate from error
        except ConnectionError as error:
            raise Closed from error
        if count == 0:
            raise Closed
        have += count
    return data


def _wait(connection: socket.socket, deadline: float | None) -> None:
    """Let the next call wait until the deadline."""
    if deadline is None:
        connection.settimeout(None)
        return
    left = deadline - time.monotonic()
    if left <= 0:
        raise TooLate
    connection.settimeout(left)


def tensors_of(values: Sequence[object]) -> tuple[Tensor, ...]:
    """The values, which have to be tensors.

    Raises:
        TypeError: for one that is none.
    """
    for value in values:
        if not isinstance(value, Tensor):
            raise TypeError(f"a {type(value).__name__} where a tensor has to be")
    return tuple(value for value in values if isinstance(value, Tensor))

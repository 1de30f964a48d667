"""Messages between two processes: JSON and tensors, nothing executable.

    4 bytes     length of the header, little-endian
    header      JSON: {"content": ..., "tensors": [{"dtype": "float32", "shape": [1, 3]}, ...]}
    values      of each tensor in turn: row-major, in the machine's byte order

The receiver trusts nothing: sizes are bounded before anything is allocated, and JSON holds only values
that every reader can handle: text that can be encoded, finite numbers, integers of 64 bits.
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
_MAX_HEADER = 4 << 20
_MAX_TENSORS = 1 << 14
"""Far more than the constants of a payload."""

_MAX_DIMENSIONS = 64
"""PyTorch's own limit."""

_MAX_INTEGER = 1 << 63
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
    """A malformed or too large message."""


class Closed(Exception):
    """The other side is gone, before or within a message."""


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
        deadline: of `time.monotonic`; None waits indefinitely.

    Raises:
        BadMessage: for a tensor of another element type, before any byte is sent.
        Closed: if the other side is gone.
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
    """Receive one message; other arguments and errors as in `send`.

    Args:
        max_bytes: of all tensors together.

    Raises:
        BadMessage: also for a malformed or too large message.
    """
    (length,) = _LENGTH.unpack(_receive_exactly(connection, _LENGTH.size, deadline))
    if length > _MAX_HEADER:
        raise BadMessage(f"a header of {length} bytes")
    shapes, content = _header(_receive_exactly(connection, length, deadline))
    # A dimension of 0 must not hide other, huge ones.
    bounds = [math.prod(max(size, 1) for size in shape) * dtype.itemsize for dtype, shape in shapes]
    if sum(bounds) > max_bytes:
        raise BadMessage(f"tensors of {sum(bounds)} bytes")
    return Message(
        content,
        tuple(_receive_tensor(connection, dtype, shape, deadline) for dtype, shape in shapes),
    )


def _receive_tensor(
    connection: socket.socket, dtype: torch.dtype, shape: list[int], deadline: float | None
) -> Tensor:
    size = math.prod(shape) * dtype.itemsize
    values = _receive_exactly(connection, size, deadline)
    if not size:
        return torch.empty(shape, dtype=dtype)
    if dtype == torch.bool:
        # A byte that is neither 0 nor 1 would be an unexpected truth value.
        return torch.frombuffer(values, dtype=torch.uint8).ne(0).reshape(shape)
    return torch.frombuffer(values, dtype=dtype).reshape(shape)


def _header(text: bytearray) -> tuple[list[tuple[torch.dtype, list[int]]], Any]:
    try:
        header = json.loads(text, parse_constant=_refuse_constant)
        _check_plain(header)
        tensors = header["tensors"]
        if len(tensors) > _MAX_TENSORS:
            raise ValueError(f"{len(tensors)} tensors")
        return [(_DTYPES[one["dtype"]], _shape(one["shape"])) for one in tensors], header["content"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadMessage(f"a malformed header ({type(error).__name__}: {error})") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"the number {name}")


def _check_plain(header: Any) -> None:
    """Raises ValueError for text or a number that a reader might not handle."""
    waiting = [header]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += [*value, *value.values()]
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str):
            value.encode()  # Raises a ValueError for half a character.
        elif isinstance(value, float) and not math.isfinite(value):
            raise ValueError("a number that is not finite")
        elif isinstance(value, int) and not -_MAX_INTEGER <= value < _MAX_INTEGER:
            raise ValueError("an integer of more than 64 bits")


def _shape(value: Any) -> list[int]:
    if not isinstance(value, list) or len(value) > _MAX_DIMENSIONS:
        raise ValueError("a shape that is not a list of dimensions")
    if any(not isinstance(size, int) or isinstance(size, bool) or size < 0 for size in value):
        raise ValueError(f"shape {value}")
    return value


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
    _wait(connection, deadline)
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
    """The values, if they are tensors; raises TypeError otherwise."""
    for value in values:
        if not isinstance(value, Tensor):
            raise TypeError(f"a {type(value).__name__} instead of a tensor")
    return tuple(value for value in values if isinstance(value, Tensor))

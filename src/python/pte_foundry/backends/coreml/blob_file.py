"""The weight file of a CoreML model package (`weights/weight.bin`), version 2.

A header of 64 bytes (number of blobs: uint32, version: uint32, zeros) is followed by blobs, each behind
64 bytes of metadata at an offset that is a multiple of 64:

    uint32 0xDEADBEEF, uint32 element type, uint64 size in bytes, uint64 offset of the data, padding

Little-endian. A program names a blob by the offset of its metadata. Source: coremltools 9.0,
mlmodel/src/MILBlob/Blob/StorageFormat.hpp.
"""

from __future__ import annotations

import math
import struct

import torch
from torch import Tensor

from pte_foundry.backends.interpreter import damaged, unknown

_ALIGNMENT = 64
_VERSION = 2
_SENTINEL = 0xDEADBEEF
_METADATA = struct.Struct("<IIQQ")
_TYPES = {
    1: torch.float16,
    2: torch.float32,
    3: torch.uint8,
    4: torch.int8,
    6: torch.int16,
    14: torch.int32,
}


def read_blob(content: bytes, offset: int, shape: tuple[int, ...]) -> Tensor:
    """The tensor whose metadata lies at `offset`.

    Raises:
        PteError: `structure` if there is no such blob or it does not hold `shape`;
            `not-interpretable` for an element type that none of our models uses.
    """
    where = f"blob at {offset} of weight.bin"
    if len(content) < _ALIGNMENT or struct.unpack_from("<II", content)[1] != _VERSION:
        raise damaged(where, "the file does not begin with a header of version 2")
    if offset % _ALIGNMENT or not _ALIGNMENT <= offset <= len(content) - _ALIGNMENT:
        raise damaged(where, f"there is no metadata at that place of {len(content)} bytes")
    sentinel, kind, size, start = _METADATA.unpack_from(content, offset)
    if sentinel != _SENTINEL:
        raise damaged(where, "its metadata has no sentinel")
    if kind not in _TYPES:
        raise unknown(where, f"element type {kind}")
    if start + size > len(content):
        raise damaged(where, f"its data end at {start + size} of {len(content)} bytes")
    dtype = _TYPES[kind]
    if size != math.prod(shape) * dtype.itemsize:
        raise damaged(where, f"{size} bytes of {dtype} are not of shape {list(shape)}")
    # A copy, because torch cannot mark a tensor as read-only.
    data = bytearray(content[start : start + size])
    return (torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)).reshape(
        shape
    )

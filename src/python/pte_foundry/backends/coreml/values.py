"""Constants of a MIL program: from protobuf to tensors, numbers, texts and truth values."""

from __future__ import annotations

import math
from typing import Any

import torch
from coremltools.proto import MIL_pb2  # type: ignore[import-untyped]
from torch import Tensor

from pte_foundry.backends.coreml.blob_file import read_blob
from pte_foundry.backends.interpreter import damaged, unknown

Value = Tensor | float | int | bool | str

_DTYPES = {
    MIL_pb2.FLOAT16: torch.float16,
    MIL_pb2.FLOAT32: torch.float32,
    MIL_pb2.INT8: torch.int8,
    MIL_pb2.UINT8: torch.uint8,
    MIL_pb2.INT16: torch.int16,
    MIL_pb2.INT32: torch.int32,
    MIL_pb2.BOOL: torch.bool,
}
# Fields of `TensorValue` that hold a list of numbers, and those that hold bytes of the tensor's type.
_LISTS = ("floats", "ints", "bools", "longInts", "doubles")


def tensor_type(value_type: Any, where: str) -> tuple[torch.dtype, tuple[int, ...]]:
    """Element type and static shape of a `ValueType`.

    Raises:
        PteError: `not-interpretable` for what is no tensor of a known type and static shape.
    """
    kind = value_type.tensorType
    if value_type.WhichOneof("type") != "tensorType" or kind.dataType not in _DTYPES:
        raise unknown(where, "it is no tensor of a known element type")
    if any(dimension.WhichOneof("dimension") != "constant" for dimension in kind.dimensions):
        raise unknown(where, "its shape is not static")
    shape = tuple(int(dimension.constant.size) for dimension in kind.dimensions)
    return _DTYPES[kind.dataType], shape


def read_value(value: Any, weights: bytes, where: str) -> Value:
    """A `Value` of the program; tensors keep their own element type.

    Args:
        weights: content of weight.bin.

    Raises:
        PteError: `structure` or `not-interpretable`.
    """
    kind = value.type.tensorType
    if value.WhichOneof("value") == "blobFileValue":
        dtype, shape = tensor_type(value.type, where)
        blob = read_blob(weights, value.blobFileValue.offset, shape)
        if blob.dtype != dtype:
            raise damaged(where, f"it is declared as {dtype}, and its blob has {blob.dtype}")
        return blob
    if value.immediateValue.WhichOneof("value") != "tensor":
        raise unknown(where, "it is a constant that is no tensor")
    tensor = value.immediateValue.tensor
    stored = tensor.WhichOneof("value")
    if kind.dataType == MIL_pb2.STRING:
        if stored != "strings" or len(tensor.strings.values) != 1:
            raise unknown(where, "it is not one text")
        return str(tensor.strings.values[0])
    dtype, shape = tensor_type(value.type, where)
    if stored == "bytes":
        data = bytearray(tensor.bytes.values)
        if len(data) != math.prod(shape) * dtype.itemsize:
            raise damaged(where, f"{len(data)} bytes are not {dtype} of shape {list(shape)}")
        found = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
    elif stored in _LISTS:
        numbers = list(getattr(tensor, stored).values)
        # protobuf leaves out a list that holds nothing but defaults.
        if len(numbers) != math.prod(shape):
            raise damaged(where, f"{len(numbers)} numbers are not of shape {list(shape)}")
        found = torch.tensor(numbers, dtype=dtype)
    else:
        raise unknown(where, f"it is stored as {stored}")
    if shape:
        return found.reshape(shape)
    scalar: float | int | bool = found.item()
    return scalar

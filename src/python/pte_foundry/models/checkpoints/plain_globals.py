"""The globals of plain checkpoints beside tensors: containers, and the names of storages. Needs no torch."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping
from typing import Any

from pte_foundry.models.checkpoints.pickle_reader import Function

STORAGES: Mapping[str, str] = {
    "torch.DoubleStorage": "float64",
    "torch.FloatStorage": "float32",
    "torch.HalfStorage": "float16",
    "torch.BFloat16Storage": "bfloat16",
    "torch.LongStorage": "int64",
    "torch.IntStorage": "int32",
    "torch.ShortStorage": "int16",
    "torch.CharStorage": "int8",
    "torch.ByteStorage": "uint8",
    "torch.BoolStorage": "bool",
    "torch.ComplexFloatStorage": "complex64",
    "torch.ComplexDoubleStorage": "complex128",
    "torch.UntypedStorage": "uint8",
    "torch.storage.UntypedStorage": "uint8",
}
"""The element type that each storage's name says."""

OTHER_TENSORS: Mapping[str, str] = {
    "torch._utils._rebuild_sparse_tensor": "a sparse tensor. Save it as `tensor.to_dense()`",
    "torch._utils._rebuild_meta_tensor_no_storage": "a tensor without values, of the device `meta`. Save "
    "the model after its weights were loaded",
    "torch._utils._rebuild_nested_tensor": "a nested tensor. Save it padded, as a plain tensor",
    "torch._utils._rebuild_qtensor": "a quantised tensor. Save it as `tensor.dequantize()`; targets "
    "quantise by `quantization`",
    "torch._utils._rebuild_wrapper_subclass": "a tensor of a subclass. Save plain tensors",
    "torch._utils._rebuild_device_tensor_from_numpy": "a tensor of another device. Save it as `tensor.cpu()`",
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": "a tensor of another device. Save it as "
    "`tensor.cpu()`",
    **{
        f"torch.{kind}Storage": "quantised values. Save them as `tensor.dequantize()`; targets quantise by "
        "`quantization`"
        for kind in ("QInt8", "QInt32", "QUInt8", "QUInt4x2", "QUInt2x4")
    },
}
"""What cannot be read, and what to do instead."""


def _ordered(pairs: Any = ()) -> OrderedDict[object, object]:
    made: OrderedDict[object, object] = OrderedDict()
    for key, value in pairs:
        if not isinstance(key, (str, int)):
            raise TypeError(f"a key of a dict is a {type(key).__name__}")
        made[key] = value
    return made


def _counter(counts: Any = None) -> Counter[object]:
    return Counter() if counts is None else Counter(dict(counts))


def _set(values: Any = ()) -> set[object]:
    if not isinstance(values, list) or not all(
        isinstance(one, (str, int, float)) for one in values
    ):
        raise TypeError("a set has something other than text and numbers")
    return set(values)


def _complex(real: Any, imaginary: Any) -> complex:
    return complex(float(real), float(imaginary))


def _bytes(text: Any, encoding: Any) -> bytes:
    """How protocol 2 writes bytes."""
    if not isinstance(text, str) or encoding != "latin1":
        raise ValueError("its pickle encodes text")
    return text.encode("latin1")


def _bytearray(content: Any = b"") -> bytearray:
    if not isinstance(content, bytes):
        raise TypeError("a bytearray has no bytes")
    return bytearray(content)


PLAIN_GLOBALS: Mapping[str, Function] = {
    "collections.OrderedDict": Function(_ordered),
    "collections.Counter": Function(_counter),
    "builtins.set": Function(_set),
    "builtins.complex": Function(_complex),
    "_codecs.encode": Function(_bytes),
    "builtins.bytearray": Function(_bytearray),
}
"""Containers and numbers, for the table of a `PickleReader`."""

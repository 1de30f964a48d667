"""The globals of plain checkpoints, and tensors as views of storages that the file really has."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from pte_foundry.models.checkpoints.archive import CheckpointArchive
from pte_foundry.models.checkpoints.pickle_reader import Function
from pte_foundry.models.checkpoints.refusal import Unfit, shown

_MOST_VIEWED = 16
"""Bytes of all tensors, as a multiple of the file's: tied weights share a storage, bombs do so 10,000 times."""

_STORAGES: Mapping[str, torch.dtype] = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "ComplexFloatStorage": torch.complex64,
    "ComplexDoubleStorage": torch.complex128,
    "UntypedStorage": torch.uint8,
}
_OTHER_TENSORS: Mapping[str, str] = {
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


@dataclass(frozen=True)
class Storage:
    """Values of one entry of the file, and the element type that its name says."""

    dtype: torch.dtype
    values: torch.UntypedStorage


class StoredTensors:
    """The table of globals for one file, and the bound of what its tensors may have.

    Args:
        file_size: bytes of the file; their tensors may have a multiple of that together.
    """

    def __init__(self, file_size: int) -> None:
        self._left = _MOST_VIEWED * file_size
        self._v2 = Function(self._tensor)

    def table(self) -> dict[str, object]:
        """By dotted name, what a `PickleReader` may meet in any checkpoint."""
        return {
            **{name: Function(_refuse(what)) for name, what in _OTHER_TENSORS.items()},
            **{f"torch.{name}": dtype for name, dtype in _STORAGES.items()},
            "torch.storage.UntypedStorage": torch.uint8,
            **{
                str(dtype): dtype
                for dtype in vars(torch).values()
                if isinstance(dtype, torch.dtype)
            },
            "torch._utils._rebuild_tensor": self._v2,
            "torch._utils._rebuild_tensor_v2": self._v2,
            "torch._utils._rebuild_tensor_v3": Function(self._typed_tensor),
            "torch._utils._rebuild_parameter": Function(_parameter),
            "torch._utils._rebuild_parameter_with_state": Function(_parameter),
            "torch._tensor._rebuild_from_type_v2": Function(self._with_attributes),
            "torch.Tensor": Function(_refuse("a tensor made by a call. Save it with torch.save")),
            "torch.nn.parameter.Parameter": Function(_parameter),
            "torch.Size": Function(_size),
            "torch.device": Function(_device),
            "torch.serialization._get_layout": Function(_no_value),
            "collections.OrderedDict": Function(_ordered),
            "collections.Counter": Function(_counter),
            "builtins.set": Function(_set),
            "builtins.complex": Function(_complex),
            "_codecs.encode": Function(_bytes),
            "builtins.bytearray": Function(_bytearray),
        }

    def storage(
        self, kind: object, count: object, read: Callable[[int], torch.UntypedStorage]
    ) -> Storage:
        """The storage of a persistent id, whose bytes `read(size)` gives.

        Raises:
            ValueError: if `kind` is no storage or `count` no number of elements.
        """
        if isinstance(kind, Function):
            kind.call()  # It says what is wrong with it.
        if not isinstance(kind, torch.dtype) or not isinstance(count, int) or count < 0:
            raise ValueError("its pickle refers to something that is not a storage of tensors")
        return Storage(kind, read(count * kind.itemsize))

    def archived(
        self,
        archive: CheckpointArchive,
        folder: str,
        number: tuple[Any, ...],
        read: Callable[[str, int], torch.UntypedStorage],
    ) -> Storage:
        """The storage of a persistent id of an archive, an entry in `folder` that `read(name, size)` reads.

        Raises:
            ValueError: as `storage`; and if the entry has more or fewer bytes than the tensor needs.
        """
        kind, dtype, key, _, count = number
        name = f"{folder}/{key}"

        def checked(size: int) -> torch.UntypedStorage:
            if archive.sizes.get(name) != size:
                found = archive.sizes.get(name, "no")
                raise ValueError(f"{shown(name)} has {found} bytes, and its tensor {size}")
            return read(name, size)

        if kind != "storage" or not isinstance(key, str):
            raise ValueError("its pickle refers to something that is not a storage of tensors")
        return self.storage(dtype, count, checked)

    def _tensor(
        self,
        storage: Any,
        offset: Any,
        size: Any,
        stride: Any,
        requires_grad: Any = False,
        hooks: Any = None,
        metadata: Any = None,
    ) -> Tensor:
        if not isinstance(storage, Storage):
            raise ValueError("a tensor has no storage")
        return self._view(storage, storage.dtype, offset, size, stride, metadata)

    def _typed_tensor(
        self,
        storage: Any,
        offset: Any,
        size: Any,
        stride: Any,
        requires_grad: Any,
        hooks: Any,
        dtype: Any,
        metadata: Any = None,
    ) -> Tensor:
        if not isinstance(storage, Storage) or not isinstance(dtype, torch.dtype):
            raise ValueError("a tensor has no storage, or no element type")
        return self._view(storage, dtype, offset, size, stride, metadata)

    def _view(
        self,
        storage: Storage,
        dtype: torch.dtype,
        offset: Any,
        size: Any,
        stride: Any,
        metadata: Any,
    ) -> Tensor:
        numbers = (offset, *size, *stride)
        if len(size) != len(stride) or not all(
            isinstance(one, int) and one >= 0 for one in numbers
        ):
            raise ValueError(
                "a tensor has a size, stride or offset that is not a whole number of 0 or more"
            )
        if metadata:
            raise Unfit("a tensor is conjugated or negated lazily. Save it as `tensor.clone()`")
        count = math.prod(size)
        last = offset + sum((one - 1) * step for one, step in zip(size, stride)) if count else 0
        there = storage.values.nbytes() // dtype.itemsize
        if count > there or last >= max(there, 1):
            raise Unfit(
                f"a tensor of the shape {shown(list(size))} has {there} values in the file. Save it as "
                "`tensor.clone(memory_format=torch.contiguous_format)`"
            )
        self._left -= count * dtype.itemsize
        if self._left < 0:
            raise Unfit(
                f"its tensors share their values, and have more than {_MOST_VIEWED} times the bytes of the file. "
                "Save each as `tensor.clone()`"
            )
        empty = torch.empty(0, dtype=dtype, device=storage.values.device)
        return empty.set_(storage.values, offset, size, stride)

    def _with_attributes(self, function: Any, cls: Any, arguments: Any, state: Any) -> object:
        """A tensor with attributes, which are left out."""
        if function is not self._v2:
            raise Unfit("it has a tensor of a subclass. Save plain tensors")
        return self._tensor(*arguments)


def _refuse(what: str) -> Callable[..., object]:
    def refuse(*_: object) -> NoReturn:
        raise Unfit(f"it has {what}")

    return refuse


def _no_value(*_: object) -> None:
    """The layout of a sparse tensor, whose own constructor says why it is refused."""


def _parameter(data: Any, requires_grad: Any = True, *_: object) -> nn.Parameter:
    if not isinstance(data, Tensor):
        raise TypeError(f"a parameter is a {type(data).__name__}")
    floating = data.is_floating_point() or data.is_complex()
    return nn.Parameter(data, requires_grad=bool(requires_grad) and floating)


def _size(values: Any) -> torch.Size:
    if not all(isinstance(one, int) for one in values):
        raise TypeError("a torch.Size has something other than numbers")
    return torch.Size(values)


def _device(name: Any, *_: object) -> torch.device:
    if not isinstance(name, str):
        raise TypeError("a device has no name")
    return torch.device(name)


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

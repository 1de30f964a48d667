"""The globals of plain checkpoints, and tensors as views of storages that the file really has."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from pte_foundry.models.checkpoints.archive import CheckpointArchive
from pte_foundry.models.checkpoints.pickle_reader import Function
from pte_foundry.models.checkpoints.plain_globals import OTHER_TENSORS, PLAIN_GLOBALS, STORAGES
from pte_foundry.models.checkpoints.refusal import Unfit, shown

_MOST_VIEWED = 16
"""Bytes of all tensors, as a multiple of the file's: tied weights share a storage, bombs do so 10,000 times."""


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
            **PLAIN_GLOBALS,
            **{name: Function(_refuse(what)) for name, what in OTHER_TENSORS.items()},
            **{name: getattr(torch, dtype) for name, dtype in STORAGES.items()},
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

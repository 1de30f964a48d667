"""What a checkpoint of torch.save holds, without its values: read as data, with every class as an inert record."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pte_foundry.errors import PteError
from pte_foundry.models.checkpoints.archive import open_archive
from pte_foundry.models.checkpoints.legacy_file import read_legacy_file
from pte_foundry.models.checkpoints.pickle_reader import Function, InertRecord, PickleReader
from pte_foundry.models.checkpoints.plain_globals import OTHER_TENSORS, PLAIN_GLOBALS, STORAGES
from pte_foundry.models.checkpoints.refusal import Unfit, refusing, shown
from workspace.errors import ToolError

_BITS = re.compile(r"[a-z]+(\d+)")
_DTYPES = (
    *("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "bool"),
    *("uint8", "uint16", "uint32", "uint64", "complex32", "complex64", "complex128"),
    *("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"),
)


@dataclass(frozen=True)
class TensorOutline:
    """A tensor without its values.

    Attributes:
        place: storage and offset; tensors that share their values have the same.
        values_bytes: of the values that it shows.
    """

    dtype: str
    shape: tuple[int, ...]
    place: tuple[str, int]

    @property
    def values_bytes(self) -> int:
        return math.prod(self.shape) * item_bytes(self.dtype)

    def __str__(self) -> str:
        return f"{self.dtype}[{','.join(map(str, self.shape))}]"


@dataclass(frozen=True)
class Outline:
    """What a file holds.

    Attributes:
        content: containers, numbers, text, `TensorOutline`s, and records of everything else.
        unknown: dotted names of the classes and functions that became records.
    """

    content: object
    unknown: frozenset[str]


@dataclass(frozen=True)
class _Storage:
    dtype: str
    key: str


def item_bytes(dtype: str) -> int:
    """Bytes of one number of a type such as `float16` or `bool`."""
    bits = _BITS.match(dtype)
    return int(bits[1]) // 8 if bits else 1


def read_outline(path: Path) -> Outline:
    """
    Raises:
        ToolError: if the file is damaged, or has a tensor of a kind that cannot be read.
    """
    try:
        with refusing(shown(path, 200), "cannot be read", "Its pickle is damaged: fetch it again"):
            with path.open("rb") as file:
                if file.read(4) != b"PK\x03\x04":
                    file.seek(0)
                    return _legacy(file)
            return _archived(path)
    except PteError as error:
        raise ToolError(error.message) from None


def _archived(path: Path) -> Outline:
    with open_archive(path) as archive, archive.open("data.pkl") as pickle:
        reader = PickleReader(_table(), _persistent({}), unknown_as_records=True)
        content = reader.read(pickle)
    return Outline(content, reader.unknown)


def _legacy(file: IO[bytes]) -> Outline:
    sizes: dict[str, int] = {}
    reader = PickleReader(_table(), _persistent(sizes), unknown_as_records=True)
    content, keys = read_legacy_file(file, reader)
    needed = file.tell() + sum(8 + sizes.get(key, 0) for key in keys)
    there = file.seek(0, 2)
    if there < needed:
        raise ValueError(f"it is cut off after {there} of {needed} bytes")
    return Outline(content, reader.unknown)


def _persistent(sizes: dict[str, int]) -> Any:
    def persistent(number: tuple[Any, ...]) -> object:
        if number[0] == "module" and len(number) == 4:
            return number[1]
        kind, dtype, key, _, count = number[:5]
        if isinstance(dtype, Function):
            dtype.call()  # It says what is wrong with it.
        if kind != "storage" or not isinstance(dtype, str) or not isinstance(key, str):
            raise ValueError("its pickle refers to something that is not a storage of tensors")
        sizes[key] = int(count) * item_bytes(dtype)
        return _Storage(dtype, key)

    return persistent


def _table() -> Mapping[str, object]:
    plain = Function(_tensor)

    def of_type(function: Any, cls: Any, arguments: Any, state: Any) -> object:
        if function is not plain:
            raise Unfit("it has a tensor of a subclass. Save plain tensors")
        return _tensor(*arguments)

    return {
        **PLAIN_GLOBALS,
        **STORAGES,
        **{f"torch.{name}": name for name in _DTYPES},
        **{name: Function(_refuse(what)) for name, what in OTHER_TENSORS.items()},
        "torch._utils._rebuild_tensor": plain,
        "torch._utils._rebuild_tensor_v2": plain,
        "torch._utils._rebuild_tensor_v3": Function(_typed_tensor),
        "torch._utils._rebuild_parameter": Function(_first),
        "torch._utils._rebuild_parameter_with_state": Function(_first),
        "torch._tensor._rebuild_from_type_v2": Function(of_type),
        "torch.nn.parameter.Parameter": Function(_first),
        "torch.Size": Function(tuple),
        "torch.device": Function(_nothing),
        "torch.serialization._get_layout": Function(_nothing),
    }


def _tensor(storage: Any, offset: Any, size: Any, *_: Any) -> TensorOutline:
    if not isinstance(storage, _Storage):
        raise ValueError("a tensor has no storage")
    return _outline(storage, storage.dtype, offset, size)


def _typed_tensor(
    storage: Any, offset: Any, size: Any, stride: Any, grad: Any, hooks: Any, dtype: Any, *_: Any
) -> TensorOutline:
    if not isinstance(storage, _Storage) or not isinstance(dtype, str):
        raise ValueError("a tensor has no storage, or no element type")
    return _outline(storage, dtype, offset, size)


def _outline(storage: _Storage, dtype: str, offset: Any, size: Any) -> TensorOutline:
    if not all(isinstance(one, int) and one >= 0 for one in (offset, *size)):
        raise ValueError("a tensor has a size or an offset that is not a whole number of 0 or more")
    return TensorOutline(dtype, tuple(size), (storage.key, offset))


def _first(data: Any, *_: Any) -> object:
    return data


def _nothing(*_: Any) -> None:
    """What outlines do not say."""


def _refuse(what: str) -> Any:
    def refuse(*_: object) -> None:
        raise Unfit(f"it has {what}")

    return refuse


def is_module(value: object) -> bool:
    """Whether it is the record of a pickled `torch.nn.Module`."""
    return isinstance(value, InertRecord) and all(
        isinstance(vars(value).get(group), Mapping)
        for group in ("_modules", "_parameters", "_buffers")
    )

"""Arrays in `.npy`, `.npz` and `.safetensors` files, read as data: nothing is unpickled.

Headers come first, so that the size that a file claims can be compared with the one that is expected before memory is
taken for it.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from pte_foundry.errors import PteError

SUFFIXES = (".npy", ".npz", ".safetensors")
"""Of files with arrays, lower case."""

UNNAMED = ""
"""The name of the array in a `.npy`."""

_LARGEST_HEADER = 1 << 20
_SAFETENSORS = {
    **{f"F{bits}": f"float{bits}" for bits in (16, 32, 64)},
    **{f"I{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{"U8": "uint8", "BOOL": "bool", "BF16": "bfloat16"},
}


@dataclass(frozen=True)
class ArrayType:
    """The element type (NumPy's name, without byte order) and the shape of an array."""

    dtype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.dtype}[{','.join(map(str, self.shape))}]"


def has_arrays(name: str) -> bool:
    """Whether a file of this name holds arrays."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def array_types(path: Path, name: str) -> dict[str, ArrayType]:
    """The arrays of a file by their names, from its headers.

    Args:
        name: what messages call the file.

    Raises:
        PteError: `bad-sample` for a file that cannot be read, or whose arrays are pickled objects.
    """
    with _reading(name):
        return {key: one.type for key, one in _entries(path)}


def read_arrays(path: Path, name: str) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a file by their names: contiguous, in the machine's byte order, and writable.

    Args:
        name: what messages call the file.

    Raises:
        PteError: `bad-sample`, as `array_types`, and for a file that is cut off or damaged.
    """
    with _reading(name):
        return {key: one.read() for key, one in _entries(path)}


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # NumPy, zipfile and json raise a dozen types for damaged files.
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise PteError(
            "bad-sample",
            f"{name} cannot be read: {' '.join(reason.split()) or type(error).__name__}. Save it again with np.save, "
            "np.savez or safetensors, as arrays of numbers",
        ) from None


@dataclass(frozen=True)
class _Entry:
    """An array whose values come next in `file`."""

    file: IO[bytes]
    dtype: np.dtype[Any]
    type: ArrayType
    fortran: bool = False
    last: bool = True

    def read(self) -> npt.NDArray[Any]:
        shape = self.type.shape
        size = math.prod(shape) * self.dtype.itemsize
        content = self.file.read(size + self.last)
        if len(content) != size:
            raise ValueError(
                "it is cut off" if len(content) < size else "it goes on after the array"
            )
        flat = np.frombuffer(content, self.dtype)
        array = flat.reshape(shape[::-1]).T if self.fortran else flat.reshape(shape)
        return np.array(array, dtype=self.dtype.newbyteorder("="), order="C")


def _entries(path: Path) -> Iterator[tuple[str, _Entry]]:
    suffix = path.suffix.lower()
    with path.open("rb") as file:
        if suffix == ".npz":
            yield from _archived(file)
        elif suffix == ".safetensors":
            yield from _safetensors(file)
        else:
            yield UNNAMED, _array(file)


def _array(file: IO[bytes]) -> _Entry:
    version = npy.read_magic(file)
    if version == (1, 0):
        shape, fortran, dtype = npy.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, fortran, dtype = npy.read_array_header_2_0(file)
    else:
        raise ValueError(f"its format has the version {version}")
    if dtype.hasobject:
        raise ValueError(
            "it holds pickled Python objects, which are not loaded, as that could run code from the file"
        )
    return _Entry(file, dtype, ArrayType(dtype.name, tuple(shape)), bool(fortran))


def _archived(file: IO[bytes]) -> Iterator[tuple[str, _Entry]]:
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        if len(set(names)) != len(names):
            raise ValueError("two of its arrays have one name")
        for name in names:
            if not name.endswith(".npy"):
                raise ValueError(f"{name!r} in it is no array")
            with archive.open(name) as member:
                yield name.removesuffix(".npy"), _array(member)


def _safetensors(file: IO[bytes]) -> Iterator[tuple[str, _Entry]]:
    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= _LARGEST_HEADER:
        raise ValueError("it has no safetensors header")
    header: Mapping[str, Mapping[str, Any]] = json.loads(file.read(length))
    start = 8 + length
    tensors = {name: one for name, one in header.items() if name != "__metadata__"}
    ends = [int(one["data_offsets"][1]) for one in tensors.values()]
    if file.seek(0, 2) != start + max(ends, default=0):
        raise ValueError("its tensors and the file end at different places")
    for name, one in tensors.items():
        dtype = _SAFETENSORS.get(one["dtype"], str(one["dtype"]))
        kind = np.dtype(dtype).newbyteorder("<") if hasattr(np, dtype) else np.dtype(np.void)
        shape = tuple(int(size) for size in one["shape"])
        begin, end = (int(place) for place in one["data_offsets"])
        if kind.kind != "V" and end - begin != math.prod(shape) * kind.itemsize:
            raise ValueError(f"{name!r} in it has other bytes than its shape says")
        file.seek(start + begin)
        yield name, _Entry(file, kind, ArrayType(dtype, shape), last=False)

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from pte_foundry.errors import PteError
from pte_foundry.samples.arrays import ArrayType, array_types, has_arrays, read_arrays

GRID = np.arange(6, dtype=np.float32).reshape(2, 3)
# Of the header of a safetensors file, and its types.
TYPES = {"float16": "F16", "float32": "F32", "int64": "I64", "uint8": "U8", "bool": "BOOL"}


def safetensors(arrays: dict[str, npt.NDArray[Any]], **changes: object) -> bytes:
    """As the package writes it, which is not needed to read it."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    content = b""
    for name, array in arrays.items():
        begin = len(content)
        content += array.tobytes()
        header[name] = {
            "dtype": TYPES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [begin, len(content)],
            **changes,
        }
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content


def test_suffixes() -> None:
    assert has_arrays("a.npy") and has_arrays("A.NPZ") and has_arrays("x.safetensors")
    assert not has_arrays("a.png") and not has_arrays("npy")


@pytest.mark.parametrize("dtype", ["float16", "float32", ">f4", "<i8", "uint8", "bool"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_comes_back(tmp_path: Path, dtype: str, order: Any) -> None:
    array = np.array(GRID, dtype=dtype, order=order)
    np.save(tmp_path / "a.npy", array)
    (found,) = read_arrays(tmp_path / "a.npy", "a.npy").values()
    assert np.array_equal(found, array)
    assert found.flags.c_contiguous and found.flags.writeable and found.dtype.isnative
    assert array_types(tmp_path / "a.npy", "a.npy") == {"": ArrayType(found.dtype.name, (2, 3))}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_with_names(tmp_path: Path, save: Any) -> None:
    save(tmp_path / "a.npz", tokens=np.ones((1, 4), np.int64), mask=np.zeros((1, 4), bool))
    found = read_arrays(tmp_path / "a.npz", "a.npz")
    assert {name: str(ArrayType(one.dtype.name, one.shape)) for name, one in found.items()} == {
        "tokens": "int64[1,4]",
        "mask": "bool[1,4]",
    }
    assert found["tokens"].all() and not found["mask"].any()


def test_safetensors(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    arrays: dict[str, npt.NDArray[Any]] = {
        "b": GRID,
        "a": np.array(3, np.int64),
        "half": GRID.astype(np.float16),
    }
    save_file(arrays, tmp_path / "a.safetensors")
    (tmp_path / "b.safetensors").write_bytes(safetensors(arrays))
    for name in ("a.safetensors", "b.safetensors"):
        found = read_arrays(tmp_path / name, name)
        assert found.keys() == arrays.keys()
        assert all(np.array_equal(found[key], arrays[key]) for key in arrays)
        assert found["a"].shape == ()


class Bomb:
    """Unpickling it leaves a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_pickled_objects_are_not_loaded(tmp_path: Path) -> None:
    objects = np.array([Bomb(tmp_path / "ran")], dtype=object)
    np.save(tmp_path / "a.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "b.npz", x=objects)
    for name in ("a.npy", "b.npz"):
        for read in (array_types, read_arrays):
            with pytest.raises(PteError, match=f"bad-sample: {name} .*pickled Python objects"):
                read(tmp_path / name, name)
    (tmp_path / "c.npy").write_bytes(b"\x80\x04N.")
    with pytest.raises(PteError, match="bad-sample: c.npy cannot be read"):
        read_arrays(tmp_path / "c.npy", "c.npy")
    assert not (tmp_path / "ran").exists()


def npy(array: npt.NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def archive(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        for name, content in members.items():
            made.writestr(name, content)
    return stream.getvalue()


# A header that claims 2**40 numbers, in front of six.
HUGE = npy(GRID).replace(b"(2, 3), }" + b" " * 13, b"(1099511627776,), }   ")
DAMAGED = {
    "empty.npy": b"",
    "cut.npy": npy(GRID)[:-1],
    "longer.npy": npy(GRID) + b"\0",
    "version.npy": npy(GRID).replace(b"NUMPY\x01", b"NUMPY\x09", 1),
    "empty.npz": b"",
    "text.npz": b"PK\x03\x04 and no archive",
    "cut.npz": archive(**{"a.npy": npy(GRID)})[:-30],
    "member.npz": archive(**{"a.txt": b"text"}),
    "crc.npz": archive(**{"a.npy": npy(GRID)}).replace(GRID.tobytes(), GRID[::-1].tobytes(), 1),
    "cut.safetensors": safetensors({"a": GRID})[:-1],
    "short.safetensors": b"\x08",
    "header.safetensors": (1 << 40).to_bytes(8, "little") + b"{}",
    "list.safetensors": (2).to_bytes(8, "little") + b"[]",
    "shape.safetensors": safetensors({"a": GRID}, shape=[2, 2]),
    "keys.safetensors": (9).to_bytes(8, "little") + b'{"a": {}}',
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(DAMAGED[name])
    with pytest.raises(PteError, match=f"bad-sample: {name} cannot be read: .*Save it again") as it:
        read_arrays(tmp_path / name, name)
    assert str(tmp_path) not in it.value.message


def test_a_claimed_size_can_be_refused_before_it_is_read(tmp_path: Path) -> None:
    assert b"1099511627776" in HUGE
    (tmp_path / "a.npy").write_bytes(HUGE)
    assert array_types(tmp_path / "a.npy", "a.npy")[""].shape == (1099511627776,)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PteError, match="bad-sample: a.npy cannot be read: No such file"):
        read_arrays(tmp_path / "a.npy", "a.npy")

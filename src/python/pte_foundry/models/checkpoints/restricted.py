"""Read a checkpoint as data: nothing in it is called or run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import torch

from pte_foundry.errors import PteError
from pte_foundry.models.checkpoints.archive import open_archive
from pte_foundry.models.checkpoints.pickle_reader import ForbiddenGlobal, PickleReader
from pte_foundry.models.checkpoints.refusal import Unfit, refusing, shown
from pte_foundry.models.checkpoints.stored_tensors import Storage, StoredTensors

# torch/serialization.py (torch 2.13): the first two of the five pickles that torch before 1.6 wrote.
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_CHUNK = 16 << 20


def load_checkpoint(
    path: Path,
    allowed_globals: Sequence[Callable[..., object]],
    where_allowed: str = "`checkpoint_globals` of the model's builder",
) -> object:
    """Content of a checkpoint: a dict of tensors for `.safetensors`, else what the pickle holds.

    Of a pickle, only containers, numbers, text and dense tensors are made, and objects of
    `allowed_globals`; a module's class has no constructor run. Tensors are on the CPU, and views of the
    values that the file has.

    Args:
        where_allowed: where a user allows another global, for messages.

    Raises:
        PteError: `bad-checkpoint` if the file is absent, truncated, of another format, or asks for more
            than it holds; `forbidden-pickle` if it refers to a global that is not allowed.
    """
    if not path.is_file():
        raise PteError(
            "bad-checkpoint",
            f"{path.name}: no such file. Check the `file` of the model's weights target",
        )
    with refusing(f"{path.name} ({path.stat().st_size} bytes)"):
        if path.suffix == ".safetensors":
            return _load_safetensors(path)
        tensors = StoredTensors(path.stat().st_size)
        allowed = {f"{one.__module__}.{one.__qualname__}": one for one in allowed_globals}
        table = {**allowed, **tensors.table()}
        try:
            with path.open("rb") as file:
                if file.read(4) == b"PK\x03\x04":
                    return _load_archive(path, table, tensors)
                file.seek(0)
                return _load_legacy(file, table, tensors)
        except ForbiddenGlobal as error:
            raise PteError(
                "forbidden-pickle",
                f"{path.name}: its pickle refers to {shown(error.name)}, which is not allowed: "
                "loading it could run code from the file. If you trust that class, add it to "
                f"{where_allowed}; else use a state_dict or a .safetensors file",
            ) from error


def _load_archive(path: Path, table: dict[str, object], tensors: StoredTensors) -> object:
    storages: dict[str, torch.UntypedStorage] = {}
    with open_archive(path) as archive:

        def read(name: str, size: int) -> torch.UntypedStorage:
            if name not in storages:
                with archive.open(name) as file:
                    storages[name] = torch.empty(size, dtype=torch.uint8).untyped_storage()
                    _fill(storages[name], file)
            return storages[name]

        def persistent(number: tuple[Any, ...]) -> Storage:
            return tensors.archived(archive, "data", number, read)

        with archive.open("data.pkl") as pickle:
            return PickleReader(table, persistent).read(pickle)


def _load_legacy(file: IO[bytes], table: dict[str, object], tensors: StoredTensors) -> object:
    """Five pickles, then each storage: its number of elements, 8 bytes, and its values."""
    size = file.seek(0, 2)
    file.seek(0)
    storages: dict[str, tuple[int, torch.UntypedStorage]] = {}
    left = size

    def persistent(number: tuple[Any, ...]) -> Storage:
        kind, dtype, key, _, count, view = number

        def allocate(wanted: int) -> torch.UntypedStorage:
            nonlocal left
            if key not in storages:
                left -= wanted
                if left < 0:
                    raise ValueError(f"its tensors have more bytes than the file, {size}")
                storages[key] = (count, torch.empty(wanted, dtype=torch.uint8).untyped_storage())
            values = storages[key][1]
            if values.nbytes() != wanted:
                raise ValueError(f"storage {shown(key)} has two sizes")
            return values

        if kind != "storage" or not isinstance(key, str) or view is not None:
            raise ValueError("its pickle refers to something that is not a storage of tensors")
        return tensors.storage(dtype, count, allocate)

    def no_persistent(number: tuple[Any, ...]) -> object:
        raise ValueError("its pickle refers to a storage")

    if PickleReader({}, no_persistent).read(file) != _LEGACY_MAGIC:
        raise ValueError("it is not what torch.save writes")
    if PickleReader({}, no_persistent).read(file) != _LEGACY_PROTOCOL:
        raise ValueError("it is of a protocol of torch that is not known")
    system = PickleReader({}, no_persistent).read(file)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise Unfit("it is of a big-endian machine. Save it again on a little-endian one")
    content = PickleReader(table, persistent).read(file)
    keys = PickleReader({}, no_persistent).read(file)
    if not isinstance(keys, list) or keys != sorted(storages):
        raise ValueError("its values are not those that its pickle refers to")
    for key in keys:
        count, values = storages[key]
        if int.from_bytes(file.read(8), "little") != count:
            raise ValueError(f"storage {shown(key)} has two sizes")
        _fill(values, file)
    return content


def _fill(values: torch.UntypedStorage, file: IO[bytes]) -> None:
    """Read as many bytes as `values` has."""
    into = torch.empty(0, dtype=torch.uint8).set_(values)
    for start in range(0, len(into), _CHUNK):
        part = into[start : start + _CHUNK]
        content = bytearray(file.read(len(part)))
        if len(content) != len(part):
            raise ValueError(
                f"the values of a tensor are cut off after {start + len(content)} bytes"
            )
        part.copy_(torch.frombuffer(content, dtype=torch.uint8))


def _load_safetensors(path: Path) -> object:
    try:
        from safetensors.torch import load_file
    except ModuleNotFoundError as error:
        raise PteError(
            "bad-checkpoint",
            f"{path.name}: reading it needs the distribution `safetensors`, which this toolchain "
            "does not have. Add it to the lock of the model's family",
        ) from error
    return load_file(path, device="cpu")

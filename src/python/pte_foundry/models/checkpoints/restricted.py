"""Read a checkpoint as data: nothing in it is called or run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import torch

from pte_foundry.errors import PteError
from pte_foundry.models.checkpoints.archive import open_archive
from pte_foundry.models.checkpoints.legacy_file import read_legacy_file
from pte_foundry.models.checkpoints.module_state import MODULES
from pte_foundry.models.checkpoints.pickle_reader import ForbiddenGlobal, PickleReader
from pte_foundry.models.checkpoints.refusal import refusing, shown
from pte_foundry.models.checkpoints.stored_tensors import Storage, StoredTensors

_Persistent = Callable[[tuple[Any, ...]], object]
_Reader = Callable[[_Persistent], PickleReader]
_CHUNK = 16 << 20


def load_checkpoint(
    path: Path,
    allowed_globals: Sequence[Callable[..., object]],
    where_allowed: str = "`checkpoint_globals` of the model's builder",
    unknown_as_records: bool = False,
) -> object:
    """Content of a checkpoint: a dict of tensors for `.safetensors`, else what the pickle holds.

    Of a pickle, only containers, numbers, text and dense tensors are made, and objects of
    `allowed_globals`; a module's class has no constructor run. Tensors are on the CPU, and views of the
    values that the file has.

    Args:
        where_allowed: where a user allows another global, for messages.
        unknown_as_records: other globals become `UnknownRecord`s: nothing of them is imported or called. For
            checkpoints of which the values alone are used.

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

        def reader(persistent: _Persistent) -> PickleReader:
            return PickleReader(table, persistent, MODULES, unknown_as_records)

        try:
            with path.open("rb") as file:
                if file.read(4) == b"PK\x03\x04":
                    return _load_archive(path, reader, tensors)
                file.seek(0)
                return _load_legacy(file, reader, tensors)
        except ForbiddenGlobal as error:
            raise PteError(
                "forbidden-pickle",
                f"{path.name}: its pickle refers to {shown(error.name)}, which is not allowed: "
                "loading it could run code from the file. If you trust that class, add it to "
                f"{where_allowed}; else use a state_dict or a .safetensors file",
            ) from error


def _load_archive(path: Path, reader: _Reader, tensors: StoredTensors) -> object:
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
            return reader(persistent).read(pickle)


def _load_legacy(file: IO[bytes], reader: _Reader, tensors: StoredTensors) -> object:
    size = file.seek(0, 2)
    file.seek(0)
    storages: dict[str, tuple[int, torch.UntypedStorage]] = {}
    left = size

    def persistent(number: tuple[Any, ...]) -> object:
        if number[0] == "module" and len(number) == 4:
            return number[1]  # A class, and the text of its source, which nothing reads.
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

    content, keys = read_legacy_file(file, reader(persistent))
    if keys != sorted(storages):
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

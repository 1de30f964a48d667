"""What torch wrote before 1.6, and writes with `_use_new_zipfile_serialization=False`: five pickles, then values.

torch/serialization.py (torch 2.13), `_legacy_save`. This module needs no torch.
"""

from __future__ import annotations

from typing import IO, Any

from pte_foundry.models.checkpoints.pickle_reader import PickleReader
from pte_foundry.models.checkpoints.refusal import Unfit

START = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
"""The first pickle, a number, as torch writes it."""

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001


def read_legacy_file(file: IO[bytes], reader: PickleReader) -> tuple[object, list[str]]:
    """The content, read by `reader`, and the keys of its storages in the order of their values.

    What follows in the file is, for each storage, its number of elements, 8 bytes, and its values.

    Raises:
        ForbiddenGlobal: as `PickleReader.read`.
        Exception: of other types for what is damaged or of another kind.
    """
    if PickleReader({}, _no_persistent).read(file) != _MAGIC:
        raise ValueError("it is not what torch.save writes")
    if PickleReader({}, _no_persistent).read(file) != _PROTOCOL:
        raise ValueError("it is of a protocol of torch that is not known")
    system = PickleReader({}, _no_persistent).read(file)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise Unfit("it is of a big-endian machine. Save it again on a little-endian one")
    content = reader.read(file)
    keys = PickleReader({}, _no_persistent).read(file)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise ValueError("its values are not those that its pickle refers to")
    return content, keys


def _no_persistent(number: tuple[Any, ...]) -> object:
    raise ValueError("its pickle refers to a storage")

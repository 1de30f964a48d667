"""Zip archives of torch, read within limits: no entry is larger than the file lets it be."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pte_foundry.models.checkpoints.refusal import Unfit

_MOST_ENTRIES = 200_000
_MOST_UNPACKED = 64 << 20
"""Bytes of all deflated entries together. torch deflates code alone."""
_ENCRYPTED = 0x1


@dataclass(frozen=True)
class CheckpointArchive:
    """An open archive.

    Attributes:
        sizes: bytes of each entry, by its path below the archive's top folder.
    """

    sizes: Mapping[str, int]
    _zip: zipfile.ZipFile
    _entries: Mapping[str, zipfile.ZipInfo]

    def read(self, name: str) -> bytes:
        """Content of an entry, whose CRC-32 was compared.

        Raises:
            ValueError: if there is no such entry; and what zipfile and zlib raise.
        """
        with self.open(name) as file:
            return file.read()

    def open(self, name: str) -> IO[bytes]:
        """As `read`, for an entry that is read in parts."""
        if name not in self._entries:
            raise ValueError(f"the archive has no {name}")
        return self._zip.open(self._entries[name])


@contextmanager
def open_archive(path: Path) -> Iterator[CheckpointArchive]:
    """Check the directory of the archive before anything is unpacked.

    Raises:
        ValueError: for what does not begin as an archive, names that occur twice, several top folders,
            entries that are encrypted, packed by another method than deflate, or that add up to more than
            the file or 64 MiB unpacked, and for values of a big-endian machine; and what zipfile raises.
    """
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            # zipfile also takes an archive that follows something else, such as an executable.
            raise ValueError("it does not begin as an archive of torch does")
    with zipfile.ZipFile(path) as opened:
        infos = [info for info in opened.infolist() if not info.is_dir()]
        if len(infos) > _MOST_ENTRIES:
            raise ValueError(f"the archive has {len(infos)} entries")
        entries = {info.filename.partition("/")[2]: info for info in infos}
        if len({info.filename.partition("/")[0] for info in infos}) > 1 or "" in entries:
            raise ValueError("it does not have one top folder, as an archive of torch does")
        if len(entries) != len(infos):
            raise ValueError("the archive names a file twice")
        stored = unpacked = 0
        for info in infos:
            if info.flag_bits & _ENCRYPTED:
                raise ValueError(f"{info.filename!r} is encrypted")
            if info.compress_type == zipfile.ZIP_STORED:
                if info.file_size != info.compress_size:
                    raise ValueError(f"{info.filename!r} has two sizes")
                stored += info.file_size
            elif info.compress_type == zipfile.ZIP_DEFLATED:
                unpacked += info.file_size
            else:
                raise ValueError(f"{info.filename!r} is packed by method {info.compress_type}")
        if stored > path.stat().st_size:
            raise ValueError(f"its entries claim {stored} bytes, more than the file has")
        if unpacked > _MOST_UNPACKED:
            raise Unfit(
                f"it unpacks to {unpacked} bytes. torch packs code alone, and stores values as they are. Save it "
                "again with torch.save"
            )
        sizes = {name: info.file_size for name, info in entries.items()}
        archive = CheckpointArchive(sizes, opened, entries)
        if "byteorder" in sizes and archive.read("byteorder") != b"little":
            raise Unfit("it is of a big-endian machine. Save it again on a little-endian one")
        yield archive

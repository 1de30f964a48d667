"""The zip archive that torch.export.save writes, read within its own size."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pte_foundry.models.checkpoints.exported.fields import Misfit, parse_json, shown

MODEL = "models/model.json"
WEIGHTS = "data/weights/model_weights_config.json"
CONSTANTS = "data/constants/model_constants_config.json"
SAMPLES = "data/sample_inputs/model.pt"
_NEEDED = (MODEL, WEIGHTS, CONSTANTS)
MARKS = {"archive_format": b"pt2", "archive_version": b"0", "byteorder": b"little"}
_ALLOWED = re.compile(
    r"data/weights/weight_\d+|data/constants/tensor_\d+|version|\.data/(?:version|serialization_id)",
    re.ASCII,
)
_LOCAL_HEADER = b"PK\x03\x04"
_ENCRYPTED = 0x1
_GREATEST_JSON = 256 << 20


class ExportedArchive:
    """The entries of a file, by their path below the archive's top folder."""

    def __init__(self, file: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo]) -> None:
        self._file = file
        self._entries = entries

    def json(self, name: str) -> object:
        if self._entries[name].file_size > _GREATEST_JSON:
            raise Misfit(f"more than {_GREATEST_JSON >> 20} MB of JSON")
        return parse_json(self._file.read(self._entries[name]))

    def storage(self, name: str) -> bytes:
        if name not in self._entries:
            raise Misfit(f"no file {name}")
        return self._file.read(self._entries[name])

    def stored(self, name: str) -> int:
        """Bytes of a storage."""
        if name not in self._entries:
            raise Misfit(f"no file {name}")
        return self._entries[name].file_size


@contextmanager
def open_archive(path: Path) -> Iterator[ExportedArchive]:
    """
    Raises:
        Misfit: if it is not such an archive, is damaged, or has files that torch.export.save does not write.
    """
    with path.open("rb") as opened:
        if opened.read(len(_LOCAL_HEADER)) != _LOCAL_HEADER:
            raise Misfit("no zip archive at its start, as a .pt2 file has")
        total = opened.seek(0, io.SEEK_END)
        try:
            file = zipfile.ZipFile(opened)
        except Exception as error:  # Where the damage is decides what zipfile raises.
            raise Misfit(f"no readable zip archive ({shown(str(error))})") from None
        with file:
            yield ExportedArchive(file, _entries(file, total))


def _entries(file: zipfile.ZipFile, total: int) -> dict[str, zipfile.ZipInfo]:
    infos = file.infolist()
    found = {info.filename.partition("/")[2]: info for info in infos}
    missing = [name for name in _NEEDED if name not in found]
    if missing:
        raise Misfit(f"no {missing[0]}, as programs of torch.export.save have")
    if len(found) != len(infos):
        raise Misfit("two files of one name")
    if min(info.header_offset for info in infos) != 0:
        raise Misfit("something before the zip archive")
    for name, info in found.items():
        if info.flag_bits & _ENCRYPTED or info.compress_type != zipfile.ZIP_STORED:
            raise Misfit(
                f"the file {shown(name)}, which is compressed: torch.export.save writes plain ones"
            )
        # Example inputs and extra files, which are never read.
        if name == SAMPLES or name in _NEEDED or name in MARKS or name.startswith("extra/"):
            continue
        if not _ALLOWED.fullmatch(name):
            raise Misfit(f"the file {shown(name)}", True)
    if sum(info.file_size for info in infos) > total:
        raise Misfit("files that are greater than the archive")
    for name, mark in MARKS.items():
        if name in found and file.read(found[name]) != mark:
            raise Misfit(f"another form of archive: its {name} is not {mark.decode()}")
    return found

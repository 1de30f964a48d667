"""Whether a file can be a checkpoint at all, and is whole: looked at before its hash is pinned."""

from __future__ import annotations

import json
import re
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from pte_foundry.errors import PteError
from pte_foundry.models.checkpoints.archive import open_archive
from pte_foundry.models.checkpoints.refusal import refusing, shown
from workspace.errors import ToolError

ZIP = b"PK\x03\x04"
_BLOCK = 1 << 20
_HEAD = 4096
_LARGEST_HEADER = 100 << 20
_KINDS = {
    stat.S_IFDIR: "a folder. Name the file in it",
    stat.S_IFIFO: "a pipe. Write what comes out of it to a file first",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_TITLE = re.compile(rb"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_LFS_SIZE = re.compile(rb"^size (\d{1,20})$", re.MULTILINE)
_UNPACK = "Unpack it, and name the checkpoint in it"
_CONVERTED = (
    "Programs are built from what PyTorch saves: name the checkpoint that it was converted from"
)
# Place, bytes, what they begin.
_OTHERS = (
    (0, b"\x1f\x8b", f"a gzip archive. {_UNPACK}"),
    (257, b"ustar", f"a tar archive. {_UNPACK}"),
    (0, b"7z\xbc\xaf\x27\x1c", f"a 7z archive. {_UNPACK}"),
    (0, b"Rar!", f"a rar archive. {_UNPACK}"),
    (0, b"\x28\xb5\x2f\xfd", f"a zstd archive. {_UNPACK}"),
    (0, b"\xfd7zXZ\0", f"an xz archive. {_UNPACK}"),
    (0, b"BZh", f"a bzip2 archive. {_UNPACK}"),
    (0, b"GGUF", f"a GGUF file. {_CONVERTED}"),
    (0, b"\x89HDF\r\n", f"an HDF5 file, as Keras writes it. {_CONVERTED}"),
    (4, b"TFL3", f"a TensorFlow Lite model. {_CONVERTED}"),
    (4, b"ET12", f"an ExecuTorch program already. {_CONVERTED}"),
    (0, b"\x93NUMPY", "a NumPy array. Save the model with torch.save(model.state_dict(), ...)"),
    (0, b"\x7fELF", "an executable"),
    (0, b"\x89PNG", "a picture"),
    (0, b"\xff\xd8\xff", "a picture"),
    (0, b"%PDF", "a PDF document"),
)
_ONNX = re.compile(rb"\x08[\x01-\x20]\x12.{1,2}(pytorch|tf2onnx|skl2onnx|onnx|keras)", re.DOTALL)


def check_checkpoint_file(path: Path, called: str | None = None) -> None:
    """Read all of a file whose format has checksums or sizes, and compare them.

    torch itself compares no checksum: it loads a damaged archive without a word, and the program of such values may
    even pass a test.

    Args:
        called: what messages call the file, if not by its path.

    Raises:
        ToolError: naming what the path is if that is no file with a checkpoint, or the entry that is damaged.
    """
    name = shown(called or path, 200)
    head = _head(path, name)
    other = _other(head)
    if other is not None:
        raise ToolError(f"{name}: {other}")
    if head.startswith(ZIP):
        _check_archive(path, name)
    elif head[8:9] == b"{":
        safetensors_entries(path, name)


def safetensors_entries(path: Path, name: str) -> Mapping[str, Mapping[str, Any]]:
    """The header of a safetensors file without its metadata: name to `dtype`, `shape` and `data_offsets`.

    Args:
        name: what messages call the file.

    Raises:
        ToolError: if there is none, or if its tensors and the file end at different places.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        content = file.read(length) if length <= _LARGEST_HEADER else b""
    try:
        header = json.loads(content)
        entries = {key: one for key, one in header.items() if key != "__metadata__"}
        end = max((int(one["data_offsets"][1]) for one in entries.values()), default=0)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise ToolError(f"{name}: no safetensors header ({shown(error)}). Fetch it again") from None
    there = path.stat().st_size - 8 - length
    if there != end:
        what = "is cut off" if there < end else "has more than its header names"
        raise ToolError(
            f"{name}: {what}: {there} bytes of values, and the header names {end}. Fetch it again"
        )
    return entries


def _head(path: Path, name: str) -> bytes:
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
        if kind != stat.S_IFREG:
            raise ToolError(f"{name}: cannot be read: it is {_KINDS.get(kind, 'no file')}")
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError as error:
        raise ToolError(f"{name}: cannot be read: {error.strerror}") from None


def _other(head: bytes) -> str | None:
    """What a file is that begins like this, and what to do; None if it may be a checkpoint."""
    if not head:
        return "is empty, so it is no checkpoint. Fetch it again"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        title = _TITLE.search(head)
        says = (
            f", which says {shown(title[1].decode(errors='replace').strip(), 60)!r}"
            if title
            else ""
        )
        return (
            f"a web page{says}. A host sends one in place of a file that needs a login or has moved: open its address "
            "in a browser, and fetch the file itself"
        )
    if text.startswith(b"version https://git-lfs."):
        size = _LFS_SIZE.search(head)
        of = f" to a file of {size[1].decode()} bytes" if size else ""
        return f"a Git LFS pointer{of}, not the file itself. In the repository that it is from: git lfs pull"
    if text.startswith((b"{", b"[")) and head[8:9] != b"{":
        return "JSON text, as it lies beside weights. Name the file with the weights themselves"
    if _ONNX.match(head):
        return f"an ONNX model. {_CONVERTED}"
    return next(
        (what for place, mark, what in _OTHERS if head[place : place + len(mark)] == mark), None
    )


def _check_archive(path: Path, called: str) -> None:
    if not zipfile.is_zipfile(path):
        raise ToolError(
            f"{called}: cannot be read: it is cut off. It begins as a zip archive, and lacks the directory at the end. "
            "Fetch it again"
        )
    what = "cannot be read as an archive of torch"
    try:
        with refusing(called, what, "Fetch it again"), open_archive(path) as archive:
            for name in archive.sizes:
                _check_entry(called, archive.open(name), name)
    except PteError as error:
        raise ToolError(error.message) from None


def _check_entry(called: str, entry: IO[bytes], name: str) -> None:
    try:
        with entry:
            while entry.read(_BLOCK):
                pass
    except zipfile.BadZipFile:
        raise PteError(
            "bad-checkpoint",
            f"{called}: {shown(name)} in it is damaged: its content has another CRC-32 than the archive says. torch "
            "would load it without a word. Fetch it again; if it was saved with set_crc32_options(False), save it "
            "again without",
        ) from None

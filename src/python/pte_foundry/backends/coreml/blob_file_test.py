from __future__ import annotations

import struct

import pytest
import torch

from pte_foundry.backends.coreml.blob_file import read_blob
from pte_foundry.errors import PteError

_HALVES = torch.tensor([[1.0, -2.0], [0.5, 4.0]], dtype=torch.float16)


def blob_file(version: int = 2, sentinel: int = 0xDEADBEEF, kind: int = 1, size: int = 8) -> bytes:
    header = struct.pack("<II", 1, version).ljust(64, b"\0")
    metadata = struct.pack("<IIQQ", sentinel, kind, size, 128).ljust(64, b"\0")
    return header + metadata + _HALVES.numpy().tobytes()


def test_a_blob_is_read() -> None:
    assert torch.equal(read_blob(blob_file(), 64, (2, 2)), _HALVES)


@pytest.mark.parametrize(
    ("content", "offset", "message"),
    [
        (b"", 64, "version 2"),
        (blob_file(version=1), 64, "version 2"),
        (blob_file(), 65, "no metadata at that place"),
        (blob_file(), 0, "no metadata at that place"),
        (blob_file(), 1 << 40, "no metadata at that place"),
        (blob_file(sentinel=1), 64, "no sentinel"),
        (blob_file(kind=99), 64, "element type 99"),
        (blob_file(size=1 << 60), 64, "its data end at"),
        (blob_file(size=6), 64, "6 bytes of torch.float16 are not of shape"),
    ],
)
def test_what_is_no_blob_is_refused(content: bytes, offset: int, message: str) -> None:
    with pytest.raises(PteError, match=message):
        read_blob(content, offset, (2, 2))

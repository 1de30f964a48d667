from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from pathlib import Path

import pytest

from pin_weights.command.checkpoint_file import check_checkpoint_file
from workspace.errors import ToolError


def archive(values: bytes = bytes(range(256)) * 100, method: int = zipfile.ZIP_STORED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as made:
        made.writestr("m/data.pkl", b"\x80\x02}.")
        made.writestr("m/data/0", values)
    return content.getvalue()


def safetensors(header: object, values: bytes) -> bytes:
    encoded = json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + values


def refusal(path: Path, content: bytes, called: str | None = None) -> str:
    path.write_bytes(content)
    with pytest.raises(ToolError) as caught:
        check_checkpoint_file(path, called)
    return str(caught.value)


ENTRY = {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}


@pytest.mark.parametrize(
    "content",
    [
        archive(),
        archive(method=zipfile.ZIP_DEFLATED),
        safetensors(ENTRY, bytes(8)),
        safetensors({**ENTRY, "__metadata__": {"format": "pt"}}, bytes(8)),
        b"\x80\x02 and so on",
        b"what a builder of somebody's own may read",
    ],
)
def test_whole_files(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.pt").write_bytes(content)
    check_checkpoint_file(tmp_path / "m.pt")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_any_damaged_byte_of_an_archive(tmp_path: Path, method: int) -> None:
    content = archive(method=method)
    start = content.index(b"m/data/0") + len(b"m/data/0")
    end = content.index(b"PK\x01\x02")
    last = end - 1 if method == zipfile.ZIP_STORED else end - 3  # The last bits pad a byte.
    for place in (start, start + 1, (start + end) // 2, last):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        message = refusal(tmp_path / "m.pt", bytes(damaged))
        assert "m.pt" in message and ("CRC-32" in message or method == zipfile.ZIP_DEFLATED)
    zeroed = content[:start] + bytes(end - start) + content[end:]
    if method == zipfile.ZIP_STORED:
        message = refusal(tmp_path / "m.pt", zeroed)
        assert "data/0 in it is damaged: its content has another CRC-32" in message


@pytest.mark.parametrize("kept", [5, 100, 0.5, 0.99])
def test_files_that_are_cut_off(tmp_path: Path, kept: float) -> None:
    for content in (
        archive(),
        safetensors(ENTRY | {"v": dict(ENTRY["w"], data_offsets=[8, 90])}, bytes(90)),
    ):
        cut = content[: int(kept * len(content)) if isinstance(kept, float) else kept]
        if len(cut) > 8:
            message = refusal(tmp_path / "m.pt", cut)
            assert "cut off" in message or "no safetensors header" in message


def test_more_than_the_header_names(tmp_path: Path) -> None:
    message = refusal(tmp_path / "m", safetensors(ENTRY, bytes(9)))
    assert "has more than its header names: 9 bytes of values, and the header names 8" in message


@pytest.mark.parametrize(
    "header",
    [[], {"w": 3}, {"w": {}}, {"w": {"data_offsets": []}}, {"w": {"data_offsets": [0, "x"]}}],
)
def test_headers_that_are_none(tmp_path: Path, header: object) -> None:
    content = safetensors(header, bytes(8))
    if header == []:
        content = struct.pack("<Q", 3) + b"{]}" + bytes(8)
    assert "no safetensors header" in refusal(tmp_path / "m", content)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (
            b"\xef\xbb\xbf\r\n <!DOCTYPE html>\n<html><head><TITLE>\nSign in\x1b</TITLE></head></html>",
            r"a web page, which says 'Sign in\\x1b'",
        ),
        (b"<html><body>Quota exceeded</body></html>", "a web page. A host sends one"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "a web page"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 14213764\n",
            "a Git LFS pointer to a file of 14213764 bytes, not the file itself. In the repository that it is from: "
            "git lfs pull",
        ),
        (b'{"metadata": {"total_size": 1}, "weight_map": {}}', "JSON text"),
        (b"\x1f\x8b\x08" + bytes(20), "a gzip archive. Unpack it"),
        (bytes(257) + b"ustar\x0000" + bytes(300), "a tar archive"),
        (b"GGUF\x03\0\0\0", "a GGUF file"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes it"),
        (b"\x1c\0\0\0TFL3", "a TensorFlow Lite model"),
        (b"\x1c\0\0\0ET12", "an ExecuTorch program already"),
        (b"\x93NUMPY\x01\0v\0{", "a NumPy array"),
        (b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:", "an ONNX model"),
    ],
)
def test_other_files_are_named(tmp_path: Path, content: bytes, told: str) -> None:
    message = refusal(tmp_path / "m.pt", content)
    assert told in message
    assert refusal(tmp_path / "m.pt", content, "https://example.org/m.pt").startswith(
        "https://example.org/m.pt: "
    )


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, told in (
        ("pipe", "cannot be read: it is a pipe"),
        (".", "cannot be read: it is a folder"),
        ("gone", "cannot be read: No such file"),
    ):
        with pytest.raises(ToolError, match=told):
            check_checkpoint_file(tmp_path / name)


def test_a_name_that_is_not_utf_8(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/m\xe8.pt"))
    message = refusal(path, b"")
    assert r"m\udce8.pt: is empty" in message and message.isprintable()

from __future__ import annotations

import json
from pathlib import Path

import pytest
from executorch.backends.apple.coreml import executorchcoreml  # type: ignore[import-untyped]

from pte_foundry.backends.coreml.container import Container, read_container, write_container
from pte_foundry.errors import PteError

# Bytes that look like an index, or are no text, must not disturb the reader.
_FILES = {
    "metadata.json": b'{"a": 1}',
    "z/one": b"1",
    "a/b/weights.bin": bytes(range(256)) * 5,
    "a/fake": b'}]}1:"eman"{[:"sedon"{',
}


def _on_disk(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_executorch_reads_what_is_written(tmp_path: Path) -> None:
    files = {**_FILES, "z/empty": b""}
    payload = write_container(Container("lowered_module", files))
    assert executorchcoreml.unflatten_directory_contents(payload, str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["lowered_module"]
    assert _on_disk(tmp_path / "lowered_module") == files


def _flattened(folder: Path, files: dict[str, bytes]) -> bytes:
    """ExecuTorch's own writer, which crashes on an empty file."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return bytes(executorchcoreml.flatten_directory_contents(str(folder)))


def test_what_executorch_writes_is_read(tmp_path: Path) -> None:
    payload = _flattened(tmp_path / "some_folder", _FILES)
    assert read_container(payload) == Container("some_folder", _FILES)


def test_where_there_is_only_one_order_the_bytes_are_executorchs(tmp_path: Path) -> None:
    files = {"a/b/weights.bin": _FILES["a/b/weights.bin"]}
    payload = _flattened(tmp_path / "m", files)
    assert write_container(Container("m", files)) == payload


def test_the_order_of_files_does_not_matter() -> None:
    backwards = dict(reversed(list(_FILES.items())))
    payload = write_container(Container("m", _FILES))
    assert write_container(Container("m", backwards)) == payload
    assert write_container(read_container(payload)) == payload


def _index(*nodes: dict[str, object]) -> bytes:
    return b"four" + json.dumps({"nodes": nodes}).encode()[::-1]


def _node(kind: int, children: dict[str, int], offset: int, size: int) -> dict[str, object]:
    region = {"offset": offset, "size": size}
    return {"name": "n", "kind": kind, "children": children, "dataRegion": region}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"no container",
        write_container(Container("m", _FILES))[:-1],
        _index(),
        _index(_node(0, {}, 0, 5), _node(1, {"a": 0}, 0, 0)),
        _index(_node(0, {}, -4, 2), _node(1, {"a": 0}, 0, 0)),
        # A folder inside itself would never end.
        _index(_node(1, {"a": 0}, 0, 0)),
        _index(_node(1, {"a": 1}, 0, 0), _node(1, {"a": 0}, 0, 0)),
    ],
)
def test_anything_else_is_refused(payload: bytes) -> None:
    with pytest.raises(PteError) as caught:
        read_container(payload)
    assert caught.value.kind == "structure"

"""The container in which a CoreML payload carries a folder of files.

The files' bytes come first, one after the other; an index in JSON follows, its bytes in reverse
order, so that a reader finds its start at the payload's end:

    {"nodes": [{"name": "metadata.json", "kind": 0, "dataRegion": {"offset": 0, "size": 132},
                "children": {}},
               {"name": "lowered_module", "kind": 1, "dataRegion": {"offset": 0, "size": 0},
                "children": {"metadata.json": 0}}]}

Kind 0 is a file, 1 a folder; `children` maps a name to the node's place in the list; a child comes
before its folder, and the root is last. Source: `flatten_directory_contents` of ExecuTorch 1.4,
backends/apple/coreml/runtime/inmemoryfs. That function writes folders in the order in which the file
system lists them and a hash table keeps them; `write_container` sorts by name. Any order can be read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pte_foundry.errors import PteError

_FILE, _FOLDER = 0, 1


@dataclass(frozen=True)
class Container:
    """The folder in a payload.

    Attributes:
        name: of the folder itself, e.g. `lowered_module`.
        files: path relative to the folder, with `/`, to content. Empty folders do not count.
    """

    name: str
    files: Mapping[str, bytes]


def read_container(payload: bytes) -> Container:
    """Read a payload.

    Raises:
        PteError: `structure` if it is no container or refers to bytes that it does not have.
    """
    try:
        # Latin-1 maps every byte to a character: what precedes the index must not stop the decoder.
        index, length = json.JSONDecoder().raw_decode(payload[::-1].decode("latin-1"))
        data = payload[: len(payload) - length]
        nodes = index["nodes"]
        files: dict[str, bytes] = {}
        _collect(data, nodes, len(nodes) - 1, "", files)
        return Container(str(nodes[-1]["name"]), files)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise PteError(
            "structure",
            f"a CoreML payload of {len(payload)} bytes is no folder container ({error}). "
            "Build the artifact again with `./pants package`",
        ) from error


def _collect(
    data: bytes, nodes: list[dict[str, Any]], place: int, path: str, files: dict[str, bytes]
) -> None:
    node = nodes[place]
    if node["kind"] == _FILE:
        offset, size = node["dataRegion"]["offset"], node["dataRegion"]["size"]
        if not 0 <= offset <= offset + size <= len(data):
            raise ValueError(f"{path} lies at {offset}+{size} of {len(data)} bytes")
        files[path] = data[offset : offset + size]
        return
    for name, child in node["children"].items():
        if not 0 <= child < place:
            raise ValueError(f"{path or 'the root'} names the node {child} as {name}")
        _collect(data, nodes, child, f"{path}/{name}" if path else name, files)


def write_container(container: Container) -> bytes:
    """The payload of a folder; equal folders give equal bytes."""
    data = bytearray()
    nodes: list[dict[str, object]] = []
    _append(_tree(container), container.name, data, nodes)
    index = json.dumps({"nodes": nodes}, sort_keys=True, separators=(",", ":"))
    return bytes(data) + index.encode("ascii")[::-1]


@dataclass(frozen=True)
class _Folder:
    folders: dict[str, _Folder] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


def _tree(container: Container) -> _Folder:
    root = _Folder()
    for path, content in container.files.items():
        *parents, name = path.split("/")
        folder = root
        for parent in parents:
            folder = folder.folders.setdefault(parent, _Folder())
        folder.files[name] = content
    return root


def _append(
    item: _Folder | bytes, name: str, data: bytearray, nodes: list[dict[str, object]]
) -> int:
    """Append an item after everything in it; returns its place in `nodes`."""
    children: dict[str, int] = {}
    offset = size = 0
    if isinstance(item, _Folder):
        items: dict[str, _Folder | bytes] = {**item.folders, **item.files}
        for child_name, child in sorted(items.items()):
            children[child_name] = _append(child, child_name, data, nodes)
    else:
        offset, size = len(data), len(item)
        data += item
    nodes.append(
        {
            "name": name,
            "kind": _FOLDER if isinstance(item, _Folder) else _FILE,
            "dataRegion": {"offset": offset, "size": size},
            "children": children,
        }
    )
    return len(nodes) - 1

"""A small published tree for tests: the index of the real code, over files that are random bytes."""

from __future__ import annotations

import copy
import functools
import hashlib
import random
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pte_foundry.index.index import build_index
from pte_foundry.index.versions import versions_document
from pte_foundry.records.json_files import write_json
from pte_foundry.testing.indexes import read_request, write_reports

VERSION = "1.4.1"
FAMILY = "mobilenet"
MODEL = "mobilenet_v3_small"
LABELS = b"tench\ngoldfish"
EVERYWHERE = ["android", "ios", "linux", "macos", "web", "windows"]
APPLE = ["ios", "macos"]

# modelName, backend, precision, platforms
_PROGRAMS = (
    (MODEL, "portable", "fp32", EVERYWHERE),
    (MODEL, "xnnpack", "fp32", EVERYWHERE),
    (f"{MODEL}_int8", "xnnpack", "int8", EVERYWHERE),
    (MODEL, "coreml", "fp16", APPLE),
    (MODEL, "vulkan", "fp16", ["android", "ios", "linux", "macos", "windows"]),
)


@functools.cache
def program_bytes(name: str) -> bytes:
    """What the tree holds under this file name: several of the blocks that a download comes in."""
    return random.Random(name).randbytes(700_001)


def sample_index() -> dict[str, Any]:
    """A copy of the tree's index, free to change."""
    return copy.deepcopy(_index())


def tree_files(root: Path, prefix: str = "") -> dict[str, bytes]:
    """What a server of the tree serves: `<prefix>/<path>` -> content."""
    return {
        f"{prefix}/{path.relative_to(root)}": path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def write_tree(root: Path, index: Mapping[str, object] | None = None) -> Path:
    """Write the tree below `root`, with another index if one is given, and return `root`."""
    family = root / VERSION / FAMILY
    family.mkdir(parents=True)
    (family / "labels.txt").write_bytes(LABELS)
    for model_name, backend, _, _ in _PROGRAMS:
        name = f"{model_name}_{backend}.pte"
        (family / name).write_bytes(program_bytes(name))
    for folder in (root, root / VERSION):
        write_json(folder / "index.json", sample_index() if index is None else index)
    write_json(root / "versions.json", versions_document([VERSION]))
    return root


@functools.cache
def _index() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        write_reports(Path(folder))
        index: dict[str, Any] = build_index(read_request(Path(folder)))
    template = index["models"][0]
    index["models"] = [
        _entry(template, *program) for program in sorted(_PROGRAMS, key=lambda each: each[:2])
    ]
    index["labels"][0].update(_content(LABELS))
    return index


def _entry(
    template: Mapping[str, Any], model_name: str, backend: str, precision: str, platforms: list[str]
) -> dict[str, Any]:
    name = f"{model_name}_{backend}.pte"
    return {
        **copy.deepcopy(dict(template)),
        **_content(program_bytes(name)),
        "name": name,
        "modelName": model_name,
        "backend": backend,
        "precision": precision,
        "platforms": platforms,
        "remoteUrl": f"{VERSION}/{FAMILY}/{name}",
    }


def _content(content: bytes) -> dict[str, object]:
    return {"hash": hashlib.sha256(content).hexdigest(), "size": len(content)}

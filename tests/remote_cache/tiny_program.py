"""A program for clones that exports in seconds, with its own checkpoint."""

from __future__ import annotations

import hashlib
import json
import random
import struct
from math import prod
from pathlib import Path

ADDRESS = "models/tiny:tiny_xnnpack"
PTE = "models/tiny/tiny_xnnpack.pte"
BUILDER = "src/python/pte_foundry/testing/tiny_builder.py"
CHECKPOINT = "tiny.safetensors"

# The parameters and buffers of BUILDER's module.
_SHAPES = {
    "convolution.bias": (4,),
    "convolution.weight": (4, 3, 3, 3),
    "head.bias": (2,),
    "head.weight": (2, 144),
    "norm.bias": (4,),
    "norm.running_mean": (4,),
    "norm.running_var": (4,),
    "norm.weight": (4,),
}
_BUILD = """
model_weights(
    name="tiny_weights",
    file="{file}",
    sha256="{sha256}",
    size={size},
    license="MIT",
    source_page="https://example.invalid/tiny",
)
pte_program(
    name="tiny_xnnpack",
    model="tiny",
    weights=[":tiny_weights"],
    builder=["{builder}"],
    builder_resolve="timm",
    inputs={{"image": "float32[1,3,8,8]"}},
    backend=["//toolchains:xnnpack"],
)
pte_test(
    name="tiny_xnnpack_test",
    program=[":tiny_xnnpack"],
)
"""


def checkpoint() -> bytes:
    """A safetensors file. https://github.com/huggingface/safetensors describes the format."""
    values = random.Random(0)
    header: dict[str, object] = {}
    data = b""
    for name, shape in _SHAPES.items():
        start = len(data)
        data += b"".join(struct.pack("<f", values.uniform(0.1, 1.0)) for _ in range(prod(shape)))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": (start, len(data))}
    header["norm.num_batches_tracked"] = {
        "dtype": "I64", "shape": (), "data_offsets": (len(data), len(data) + 8),
    }  # fmt: skip
    data += bytes(8)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def declare(root: Path) -> None:
    """Add the program to the clone."""
    content = checkpoint()
    folder = root / "models/tiny"
    folder.mkdir()
    (folder / "BUILD").write_text(
        _BUILD.format(
            file=CHECKPOINT,
            sha256=hashlib.sha256(content).hexdigest(),
            size=len(content),
            builder=BUILDER,
        )
    )


def write_checkpoint(folder: Path) -> str:
    """Writes the checkpoint into a folder; returns the option that names the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CHECKPOINT).write_bytes(checkpoint())
    return f"--weights-distdirs={folder}"

"""The graph in an MPS payload, and its constants.

A header of 24 bytes (zeros: 4, `MP00`, offset and size of the constants: uint64 each, little-endian) is
followed by the graph as a flatbuffer and by the constants. Source: executorch 1.4.1,
backends/apple/mps/mps_preprocess.py. The flatbuffer's schema, `schema.fbs`, is that version's: later ones have none.
"""

from __future__ import annotations

import json
import math
import re
import struct
import tempfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from executorch.exir._serialize._flatbuffer import _flatc_decompile  # type: ignore[import-untyped]
from torch import Tensor

from pte_foundry.backends.interpreter import damaged, unknown

_HEADER = struct.Struct("<4s4sQQ")
_MAGIC = b"MP00"
_SCHEMA = "schema.fbs"
DTYPES = {
    "mps_data_type_bool": torch.bool,
    "mps_data_type_float16": torch.float16,
    "mps_data_type_float32": torch.float32,
    "mps_data_type_int8": torch.int8,
    "mps_data_type_int32": torch.int32,
    "mps_data_type_int64": torch.int64,
    "mps_data_type_uint8": torch.uint8,
}
# flatc writes infinity and NaN in words that JSON does not have.
_WORDS = re.compile(r"(?<=[:\[,] )(-?)(inf|nan)\b")
_JSON_WORDS = {"inf": "Infinity", "nan": "NaN"}


@dataclass(frozen=True)
class MpsPayload:
    """graph: the table `MPSGraph` of the schema as JSON, with defaults. constants: their segment."""

    graph: dict[str, Any]
    constants: bytes

    def constant(self, place: int, where: str) -> Tensor:
        """The tensor of a constant value, in its own element type.

        Raises:
            PteError: `structure` if its bytes are not there or not of its type and shape.
        """
        dtype, shape = self.tensor_type(place, where)
        value = self.graph["mps_values"][place]
        start, size = value["segment_offset"], value["constant_buffer_size"]
        data = bytearray(self.constants[start : start + size])
        if len(data) != size or size != math.prod(shape) * dtype.itemsize:
            raise damaged(where, f"{len(data)} bytes are not {dtype} of shape {list(shape)}")
        return (
            torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
        ).reshape(shape)

    def tensor_type(self, place: int, where: str) -> tuple[torch.dtype, tuple[int, ...]]:
        """Element type and shape that a value is declared with; raises PteError."""
        values = self.graph["mps_values"]
        if not 0 <= place < len(values):
            raise damaged(where, f"there is no value {place}")
        kind = values[place]["datatype"]
        if kind not in DTYPES:
            raise unknown(where, f"element type {kind}")
        return DTYPES[kind], tuple(values[place]["dims"])


def read_payload(payload: bytes) -> MpsPayload:
    """Read a payload of the delegate `MPSBackend`.

    Raises:
        PteError: `structure` if it is none; `not-interpretable` for a graph of Metal kernels.
    """
    where = "the MPS payload"
    if len(payload) < _HEADER.size:
        raise damaged(where, f"it has {len(payload)} bytes")
    _, magic, start, size = _HEADER.unpack_from(payload)
    if magic != _MAGIC or not _HEADER.size < start <= start + size <= len(payload):
        raise damaged(where, "its header is wrong")
    try:
        graph = _parse(payload[_HEADER.size : start])
        kind = graph["graph_type"]
    except Exception as error:  # flatc and the JSON reader have no common class of errors.
        raise damaged(where, f"its graph cannot be parsed ({type(error).__name__})") from error
    if kind != "mps_graph":
        raise unknown(where, f"it is of the kind {kind}")
    return MpsPayload(graph, payload[start : start + size])


def _parse(flatbuffer: bytes) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, binary = folder / _SCHEMA, folder / "graph.bin"
        path.write_bytes(schema())
        binary.write_bytes(flatbuffer)
        _flatc_decompile(name, str(path), str(binary), ["--raw-binary", "--defaults-json"])
        text = (folder / "graph.json").read_text("utf-8")
    graph: dict[str, Any] = json.loads(
        _WORDS.sub(lambda word: word[1] + _JSON_WORDS[word[2]], text)
    )
    return graph


def schema() -> bytes:
    """Of the flatbuffer, for flatc."""
    return resources.files(__package__).joinpath(_SCHEMA).read_bytes()

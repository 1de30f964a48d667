"""The graph in an XNNPACK payload, and its constants, which lie beside it in the program.

A header of 30 bytes (zeros: 4, `XH00`, size of the header: uint16, offset and size of the graph: uint32 each,
offset: uint32 and size: uint64 of the constants, little-endian), the graph as a flatbuffer, constants.
Source: executorch 1.5.1, backends/xnnpack/serialization/xnnpack_graph_serialize.py.
"""

from __future__ import annotations

import json
import math
import re
import struct
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import executorch.backends.xnnpack.serialization as schemas  # type: ignore[import-untyped]
import torch
from executorch.exir._serialize._flatbuffer import _flatc_decompile  # type: ignore[import-untyped]
from torch import Tensor

from pte_foundry.backends.interpreter import damaged, unknown

_HEADER = struct.Struct("<4s4sHIIIQ")
_MAGIC = b"XH00"
_SCHEMA = "schema.fbs"
_DTYPES = {
    "xnn_datatype_fp32": torch.float32,
    "xnn_datatype_qint8": torch.int8,
    "xnn_datatype_qcint8": torch.int8,
    "xnn_datatype_qint32": torch.int32,
    "xnn_datatype_qcint32": torch.int32,
}
_NAMED = (1 << 64) - 1
"""In the place of an offset: the constant is named data of the program, not part of the payload."""
# flatc writes infinity and NaN in words that JSON does not have.
_WORDS = re.compile(r"(?<=[:\[,] )(-?)(inf|nan)\b")
_JSON_WORDS = {"inf": "Infinity", "nan": "NaN"}


@dataclass(frozen=True)
class XnnpackPayload:
    """graph: the schema's table as JSON, with defaults. constants: bytes by index; 0 means none."""

    graph: dict[str, Any]
    constants: tuple[bytes, ...]

    def constant(self, tensor: Mapping[str, Any], where: str) -> Tensor:
        """The stored elements of an `XNNTensorValue`.

        Raises:
            PteError: `structure` if its bytes are not of its type and shape; `not-interpretable` for an
                element type that none of our models uses.
        """
        if tensor["datatype"] not in _DTYPES:
            raise unknown(where, f"element type {tensor['datatype']}")
        dtype, shape = _DTYPES[tensor["datatype"]], tuple(tensor["dims"])
        return self.numbers(tensor["constant_buffer_idx"], dtype, shape, where)

    def numbers(self, place: int, dtype: torch.dtype, shape: tuple[int, ...], where: str) -> Tensor:
        """The elements in one constant; raises PteError as `constant` does."""
        if not 0 < place < len(self.constants):
            raise damaged(where, f"there is no constant {place}")
        data, size = self.constants[place], math.prod(shape) * dtype.itemsize
        if len(data) != size or not size:
            raise damaged(where, f"{len(data)} bytes are not {dtype} of shape {list(shape)}")
        return torch.frombuffer(bytearray(data), dtype=dtype).reshape(shape)


def read_payload(payload: bytes, named_data: Mapping[str, bytes]) -> XnnpackPayload:
    """Read a payload of the delegate `XnnpackBackend`.

    Args:
        named_data: of the program, see `pte_foundry.inspection.payloads.named_data`.

    Raises:
        PteError: `structure` if it is none, or refers to bytes that are not there.
    """
    where = "the XNNPACK payload"
    if len(payload) < _HEADER.size:
        raise damaged(where, f"it has {len(payload)} bytes")
    _, magic, _, start, size, data_start, data_size = _HEADER.unpack_from(payload)
    if magic != _MAGIC or max(start + size, data_start + data_size) > len(payload):
        raise damaged(where, "its header is wrong")
    try:
        graph = _parse(payload[start : start + size])
        entries = graph["constant_data"]
        graph["xnodes"], graph["xvalues"]
    except Exception as error:  # flatc and the JSON reader have no common class of errors.
        raise damaged(where, f"its graph cannot be parsed ({type(error).__name__})") from error
    raw = payload[data_start : data_start + data_size]
    constants = []
    for number, entry in enumerate(entries):
        key = entry.get("named_key")
        if entry["offset"] == _NAMED and key not in named_data:
            raise damaged(where, f"the program has no data {key!r}")
        data = named_data[key] if entry["offset"] == _NAMED else raw[entry["offset"] :]
        if len(data) < entry["size"]:
            raise damaged(where, f"constant {number} has {len(data)} of {entry['size']} bytes")
        # Named data may be padded.
        constants.append(bytes(data[: entry["size"]]))
    return XnnpackPayload(graph, tuple(constants))


def _parse(flatbuffer: bytes) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        schema, binary = folder / _SCHEMA, folder / "graph.bin"
        schema.write_bytes(resources.files(schemas).joinpath(_SCHEMA).read_bytes())
        binary.write_bytes(flatbuffer)
        _flatc_decompile(name, str(schema), str(binary), ["--raw-binary"])
        text = (folder / "graph.json").read_text("utf-8")
    graph: dict[str, Any] = json.loads(
        _WORDS.sub(lambda word: word[1] + _JSON_WORDS[word[2]], text)
    )
    return graph

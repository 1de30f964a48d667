"""Change a `.pte`, or the model or graph in its payload, and write it again."""

from __future__ import annotations

import json
import re
import struct
import tempfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import executorch.backends  # type: ignore[import-untyped]
from coremltools.proto import Model_pb2  # type: ignore[import-untyped]
from executorch.exir._serialize._flatbuffer import (  # type: ignore[import-untyped]
    _flatc_compile,
    _flatc_decompile,
)
from executorch.exir._serialize._program import (  # type: ignore[import-untyped]
    deserialize_pte_binary,
    serialize_pte_binary,
)

from pte_foundry.backends.coreml.container import Container, read_container, write_container
from pte_foundry.backends.coreml.payload import METADATA_FILE, MODEL_FILE
from pte_foundry.backends.mps.payload import schema as mps_schema

ChangeProgram = Callable[[Any], None]
ChangeBytes = Callable[[bytes], bytes]


def edit_program(pte: bytes, change: ChangeProgram) -> bytes:
    """Change the program (`executorch.exir.schema.Program`, in which payloads are inline)."""
    file = deserialize_pte_binary(pte)
    change(file.program)
    return bytes(serialize_pte_binary(file, extract_delegate_segments=True))


def edit_payload(pte: bytes, change: ChangeBytes) -> bytes:
    """Change the payload of the only delegate."""

    def exchange(program: Any) -> None:
        (data,) = program.backend_delegate_data
        data.data = change(bytes(data.data))

    return edit_program(pte, exchange)


def unchanged(program: Any) -> None:
    """A program that is rewritten without a change must pass, or no mutant would prove anything."""


ChangeGraph = Callable[[dict[str, Any]], None]

_SCHEMAS = {
    "vulkan": "vulkan/serialization/schema.fbs",
    "xnnpack": "xnnpack/serialization/schema.fbs",
}
# XNNPACK and Vulkan: zeros, magic, size of the header, offset and size of the graph, of the constants.
_HEADER = struct.Struct("<4s4sHIIIQ")
_MPS_HEADER = struct.Struct("<4s4sQQ")
_ALIGNMENT = 16
# flatc spells these differently.
_FROM_FLATC = (re.compile(r"(?<=[:\[,] )(-?)(inf|nan)\b"), {"inf": "Infinity", "nan": "NaN"})
_TO_FLATC = (re.compile(r"(?<=[:\[,] )(-?)(Infinity|NaN)\b"), {"Infinity": "inf", "NaN": "nan"})


def read_graph(backend: str, payload: bytes) -> dict[str, Any]:
    """The graph as the schema's tables, with defaults."""
    return _decompile(backend, _parts(backend, payload)[0])


def edit_graph(backend: str, payload: bytes, change: ChangeGraph) -> bytes:
    """Change the graph and put header, graph and constants together again."""
    flatbuffer, constants = _parts(backend, payload)
    graph = _decompile(backend, flatbuffer)
    change(graph)
    flatbuffer = _compile(backend, graph)
    flatbuffer += bytes(-len(flatbuffer) % _ALIGNMENT)
    if backend == "mps":
        start = _MPS_HEADER.size + len(flatbuffer)
        return _MPS_HEADER.pack(bytes(4), b"MP00", start, len(constants)) + flatbuffer + constants
    _, magic, length, *_ = _HEADER.unpack_from(payload)
    start = length + -length % _ALIGNMENT
    header = _HEADER.pack(
        bytes(4), magic, length, start, len(flatbuffer), start + len(flatbuffer), len(constants)
    )
    return header + bytes(start - length) + flatbuffer + constants


def _parts(backend: str, payload: bytes) -> tuple[bytes, bytes]:
    """The flatbuffer, and the constants that follow it."""
    if backend == "mps":
        _, _, start, size = _MPS_HEADER.unpack_from(payload)
        return payload[_MPS_HEADER.size : start], payload[start : start + size]
    _, _, _, graph, graph_size, start, size = _HEADER.unpack_from(payload)
    return payload[graph : graph + graph_size], payload[start : start + size]


def _decompile(backend: str, flatbuffer: bytes) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        schema = _schema(backend, folder)
        (folder / "graph.bin").write_bytes(flatbuffer)
        _flatc_decompile(name, str(schema), str(folder / "graph.bin"), ["--raw-binary"])
        pattern, words = _FROM_FLATC
        text = (folder / "graph.json").read_text("utf-8")
        graph: dict[str, Any] = json.loads(pattern.sub(lambda m: m[1] + words[m[2]], text))
        return graph


def _compile(backend: str, graph: dict[str, Any]) -> bytes:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        schema = _schema(backend, folder)
        pattern, words = _TO_FLATC
        text = pattern.sub(lambda m: m[1] + words[m[2]], json.dumps(graph))
        (folder / "graph.json").write_text(text, "utf-8")
        _flatc_compile(name, str(schema), str(folder / "graph.json"))
        # The schema names the extension.
        (compiled,) = (path for path in folder.iterdir() if path.suffix not in (".fbs", ".json"))
        return compiled.read_bytes()


def _schema(backend: str, folder: Path) -> Path:
    path = folder / "schema.fbs"
    if backend == "mps":
        path.write_bytes(mps_schema())
    else:
        installed = resources.files(executorch.backends)
        path.write_bytes(installed.joinpath(_SCHEMAS[backend]).read_bytes())
    return path


ChangeModel = Callable[[Any], None]
"""Of the protobuf message `Model`."""


def edit_model(payload: bytes, change: ChangeModel) -> bytes:
    container = read_container(payload)
    model = Model_pb2.Model()
    model.ParseFromString(container.files[MODEL_FILE])
    change(model)
    return _with_file(container, MODEL_FILE, model.SerializeToString(deterministic=True))


def edit_metadata(payload: bytes, old: bytes, new: bytes) -> bytes:
    """Replace a text that must be there."""
    container = read_container(payload)
    metadata = container.files[METADATA_FILE]
    assert old in metadata, metadata
    return _with_file(container, METADATA_FILE, metadata.replace(old, new))


def operations(model: Any, kind: str) -> list[Any]:
    """The ML program's operations of one type, in order."""
    function = model.mlProgram.functions["main"]
    block = function.block_specializations[function.opset]
    return [one for one in block.operations if one.type == kind]


def stored_constants(model: Any) -> list[Any]:
    """Constants in the weight file, the largest first."""
    found = [
        one
        for one in operations(model, "const")
        if one.attributes["val"].WhichOneof("value") == "blobFileValue"
    ]
    return sorted(found, key=_elements, reverse=True)


def shape(constant: Any) -> list[int]:
    tensor = constant.outputs[0].type.tensorType
    return [int(one.constant.size) for one in tensor.dimensions]


def _elements(constant: Any) -> int:
    count = 1
    for size in shape(constant):
        count *= size
    return count


def _with_file(container: Container, path: str, content: bytes) -> bytes:
    return write_container(Container(container.name, {**container.files, path: content}))

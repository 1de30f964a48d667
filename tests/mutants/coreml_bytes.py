"""Change the model package in a CoreML payload."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coremltools.proto import Model_pb2  # type: ignore[import-untyped]

from pte_foundry.backends.coreml.container import Container, read_container, write_container
from pte_foundry.backends.coreml.payload import METADATA_FILE, MODEL_FILE

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
    """Constants that lie in the weight file, the largest first."""
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

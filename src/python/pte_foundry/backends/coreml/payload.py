"""The model package in a CoreML payload: an ML program, its weights and the names of its tensors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from coremltools.proto import Model_pb2  # type: ignore[import-untyped]
from google.protobuf.message import DecodeError

from pte_foundry.backends.coreml.container import read_container
from pte_foundry.backends.interpreter import damaged, unknown

METADATA_FILE = "metadata.json"
MODEL_FILE = "model.mlpackage/Data/com.apple.CoreML/model.mlmodel"
WEIGHTS_FILE = "model.mlpackage/Data/com.apple.CoreML/weights/weight.bin"
_FUNCTION = "main"


@dataclass(frozen=True)
class MilPackage:
    """What a CoreML payload holds.

    Attributes:
        specification_version: of the model; 8 belongs to iOS 17, for example.
        function: the protobuf message `Function` called `main`.
        block: its only block of operations.
        weights: content of weight.bin; empty if there is none.
        inputs: names in the order in which ExecuTorch passes the tensors.
        outputs: names in the order in which ExecuTorch takes them.
    """

    specification_version: int
    function: Any
    block: Any
    weights: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def read_package(payload: bytes) -> MilPackage:
    """Read a payload.

    Raises:
        PteError: `structure` if a part is missing or malformed; `not-interpretable` for a model that is no
            ML program with one function and one block.
    """
    files = read_container(payload).files
    missing = [path for path in (METADATA_FILE, MODEL_FILE) if path not in files]
    if missing:
        raise damaged("the CoreML payload", f"it has no {', '.join(missing)}")
    inputs, outputs = _names(files[METADATA_FILE])
    model = Model_pb2.Model()
    try:
        model.ParseFromString(files[MODEL_FILE])
    except DecodeError as error:
        raise damaged(MODEL_FILE, f"it cannot be parsed ({error})") from error
    if model.WhichOneof("Type") != "mlProgram":
        raise unknown(MODEL_FILE, f"it is a {model.WhichOneof('Type')} and no ML program")
    functions = model.mlProgram.functions
    if list(functions) != [_FUNCTION]:
        raise unknown(MODEL_FILE, f"it has the functions {sorted(functions)}")
    function = functions[_FUNCTION]
    if function.opset not in function.block_specializations:
        raise damaged(MODEL_FILE, f"there is no block for its operator set {function.opset!r}")
    return MilPackage(
        specification_version=model.specificationVersion,
        function=function,
        block=function.block_specializations[function.opset],
        weights=files.get(WEIGHTS_FILE, b""),
        inputs=inputs,
        outputs=outputs,
    )


def _names(metadata: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    try:
        fields = json.loads(metadata)
        return tuple(fields["inputNames"]), tuple(fields["outputNames"])
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(METADATA_FILE, f"it does not name inputs and outputs ({error})") from error

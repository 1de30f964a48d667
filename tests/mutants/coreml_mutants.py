"""CoreML's model packages."""

from __future__ import annotations

from typing import Any

from coremltools.proto import MIL_pb2  # type: ignore[import-untyped]

from mutants.file_mutants import use_other_checkpoint
from mutants.mutant import Mutant, on_bytes, on_model, on_payload, on_weight
from mutants.program_bytes import edit_metadata, operations, shape, stored_constants
from mutants.stored_weights import (
    flip_exponent_bit,
    flip_lowest_bits,
    negate,
    put_nan,
    swap_channels,
    transpose_in_place,
    zero,
)
from pte_foundry.backends.coreml import program as mil_program
from pte_foundry.inspection.payloads import delegate_payloads

HALF, INT8 = "mobilenet_v3_small_coreml", "mobilenet_v3_small_int8_coreml"
_DEQUANTIZE = "constexpr_affine_dequantize"


def _weight(change: Any, rank: int = 4, nth: int = 0) -> Any:
    return on_weight("coreml", change, rank, nth)


def _newer_specification(model: Any) -> None:
    model.specificationVersion += 1


def _newer_operators(model: Any) -> None:
    function = model.mlProgram.functions["main"]
    old, function.opset = function.opset, "CoreML8"
    function.block_specializations["CoreML8"].CopyFrom(function.block_specializations[old])
    del function.block_specializations[old]


def _offset_shifted(model: Any) -> None:
    value = stored_constants(model)[0].attributes["val"]
    value.blobFileValue.offset += 64


def _weights_exchanged(model: Any) -> None:
    """Two of the same shape swap places."""
    by_shape: dict[tuple[int, ...], Any] = {}
    for constant in stored_constants(model):
        value = constant.attributes["val"].blobFileValue
        other = by_shape.setdefault(tuple(shape(constant)), value)
        if other.offset != value.offset:
            other.offset, value.offset = value.offset, other.offset
            return
    raise AssertionError("no two weights have the same shape")


def _dims_permuted(model: Any) -> None:
    constant = next(one for one in stored_constants(model) if len(shape(one)) == 2)
    for tensor in (constant.outputs[0].type, constant.attributes["val"].type):
        first, second = tensor.tensorType.dimensions
        sizes = first.constant.size, second.constant.size
        second.constant.size, first.constant.size = sizes


def _operator_exchanged(model: Any) -> None:
    operations(model, "relu")[0].type = "sigmoid"


def _in_float32(model: Any) -> None:
    for output in operations(model, "conv")[0].outputs:
        output.type.tensorType.dataType = MIL_pb2.FLOAT32


def _operator_removed(model: Any) -> None:
    function = model.mlProgram.functions["main"]
    block = function.block_specializations[function.opset]
    block.operations.remove(operations(model, "relu")[0])


def _scales_doubled(pte: bytes) -> bytes:
    """Of the largest weight."""
    scales = _largest_quantized(pte)["scale"]
    old = scales.numpy().tobytes()
    assert pte.count(old) == 1
    return pte.replace(old, (scales * 2).numpy().tobytes())


def _largest_quantized(pte: bytes) -> dict[str, Any]:
    (payload,) = delegate_payloads(pte)
    program = mil_program.interpret(payload.payload, {})
    found = [
        {key: program.constants[names[0]] for key, names in step.arguments.items()}
        for step in program.steps
        if step.operator == _DEQUANTIZE
    ]
    return max(found, key=lambda one: int(one["quantized_data"].numel()))


def _zero_points_shifted(model: Any) -> None:
    """By one, of the first weight."""
    value = operations(model, _DEQUANTIZE)[0].attributes["zero_point"]
    (channels,) = value.type.tensorType.dimensions
    value.immediateValue.tensor.bytes.values = bytes([1]) * channels.constant.size


COREML_MUTANTS = (
    Mutant("another checkpoint", HALF, use_other_checkpoint, "weights", True),
    Mutant("weight zeroed", HALF, _weight(zero), "weights"),
    Mutant("channels swapped", HALF, _weight(swap_channels), "weights"),
    Mutant("sign flipped", HALF, _weight(negate, 2), "weights"),
    Mutant("weight transposed in place", HALF, _weight(transpose_in_place, 2), "weights"),
    Mutant("low bit of one weight flipped", HALF, _weight(flip_lowest_bits), "weights", True),
    Mutant("exponent bit of a weight flipped", HALF, _weight(flip_exponent_bit), "weights"),
    Mutant("NaN in a weight", HALF, _weight(put_nan), "weights"),
    Mutant(
        "specification of a newer system", HALF, on_model(_newer_specification), "payload", True
    ),
    Mutant("operator set of a newer system", HALF, on_model(_newer_operators), "payload"),
    Mutant("place in the weight file shifted", HALF, on_model(_offset_shifted), "interpret"),
    Mutant("two weights exchanged", HALF, on_model(_weights_exchanged), "parity:fixed-0"),
    Mutant("weight declared as the transposed matrix", HALF, on_model(_dims_permuted), "interpret"),
    Mutant("operator exchanged", HALF, on_model(_operator_exchanged), "parity:fixed-0"),
    Mutant("operator removed", HALF, on_model(_operator_removed), "interpret"),
    Mutant("one operator in float32", HALF, on_model(_in_float32), "payload"),
    Mutant(
        "input renamed",
        HALF,
        on_payload(lambda payload: edit_metadata(payload, b'"x"', b'"y"')),
        "interpret",
    ),
    Mutant("another checkpoint", INT8, use_other_checkpoint, "weights"),
    Mutant("scales doubled", INT8, on_bytes(_scales_doubled), "weights", True),
    Mutant("zero points shifted", INT8, on_model(_zero_points_shifted), "weights"),
    Mutant("low bit of one weight flipped", INT8, _weight(flip_lowest_bits), "weights"),
    Mutant("channels swapped", INT8, _weight(swap_channels, 2), "weights"),
)

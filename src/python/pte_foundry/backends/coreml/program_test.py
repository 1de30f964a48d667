from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
import torch
from coremltools.proto import Model_pb2  # type: ignore[import-untyped]

from pte_foundry.backends.coreml.container import Container, read_container, write_container
from pte_foundry.backends.coreml.operators import OPERATORS
from pte_foundry.backends.coreml.payload import MODEL_FILE, WEIGHTS_FILE
from pte_foundry.backends.coreml.program import interpret
from pte_foundry.errors import PteError
from pte_foundry.testing import lowered
from pte_foundry.testing.lowered import largest_difference
from pte_foundry.testing.small_models import MODELS, picture

# float16 has a step of 1/2048 of a value; a few of them add up.
_TOLERANCE = 0.015


@cache
def lower(model: str) -> tuple[bytes, dict[str, bytes]]:
    return lowered.lower("coreml", model)


@pytest.mark.parametrize("model", MODELS)
def test_the_payload_computes_what_the_model_computes(model: str) -> None:
    payload, data = lower(model)
    assert largest_difference(interpret(payload, data), model) < _TOLERANCE


@pytest.fixture(scope="module")
def payload() -> bytes:
    return lower("convolutions")[0]


def _changed(payload: bytes, path: str, content: bytes) -> bytes:
    container = read_container(payload)
    return write_container(Container(container.name, {**container.files, path: content}))


def test_a_changed_weight_changes_the_output(payload: bytes) -> None:
    weights = bytearray(read_container(payload).files[WEIGHTS_FILE])
    # The first blob: 8 x 3 x 3 x 5 float16 behind the file's header and its own.
    weights[128:848] = bytes(720)
    changed = interpret(_changed(payload, WEIGHTS_FILE, bytes(weights)), {})
    assert largest_difference(changed, "convolutions") > 10 * _TOLERANCE


def test_results_are_rounded_to_float16(payload: bytes) -> None:
    (output,) = interpret(payload, {}).run([picture()])
    assert output.dtype == torch.float32
    assert torch.equal(output, output.half().float())


def _with_model(payload: bytes, change: str) -> bytes:
    model = Model_pb2.Model()
    model.ParseFromString(read_container(payload).files[MODEL_FILE])
    function = model.mlProgram.functions["main"]
    block = function.block_specializations[function.opset]
    convolutions = [one for one in block.operations if one.type == "conv"]
    if change == "operator":
        convolutions[0].type = "conv_quantum"
    elif change == "order":
        moved = type(block.operations[0])()
        moved.CopyFrom(convolutions[0])
        block.operations.remove(convolutions[0])
        block.operations.append(moved)
    elif change == "shape":
        convolutions[0].outputs[0].type.tensorType.dimensions[1].constant.size = 7
    elif change == "output":
        block.operations.remove(block.operations[-1])
    return _changed(payload, MODEL_FILE, model.SerializeToString())


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ("operator", "not-interpretable", r"conv_quantum.*does not have this operator"),
        ("order", "structure", "which nothing defines"),
        ("shape", "structure", r"is declared as \(1, 7, .*computed \(1, 8, "),
        ("output", "structure", "nothing computes its outputs"),
    ],
)
def test_a_program_that_contradicts_itself_is_refused(
    payload: bytes, change: str, kind: str, message: str
) -> None:
    with pytest.raises(PteError, match=message) as caught:
        interpret(_with_model(payload, change), {}).run([picture()])
    assert caught.value.kind == kind


def test_other_inputs_are_refused(payload: bytes) -> None:
    program = interpret(payload, {})
    with pytest.raises(PteError, match=r"its shape is \(1, 3, 8, 8\), given \(1, 3, 9, 9\)"):
        program.run([torch.zeros(1, 3, 9, 9)])
    with pytest.raises(PteError, match="2 inputs are given"):
        program.run([picture(), picture()])


def test_a_renamed_input_is_refused(payload: bytes) -> None:
    program = interpret(payload, {})
    renamed = replace(program, package=replace(program.package, inputs=("another",)))
    with pytest.raises(PteError, match=r"metadata.json names \['another'\]"):
        renamed.run([picture()])


def test_a_damaged_model_is_refused(payload: bytes) -> None:
    with pytest.raises(PteError, match="cannot be parsed"):
        interpret(_changed(payload, MODEL_FILE, b"\xff" * 40), {})


def test_every_operator_is_tested() -> None:
    used = set()
    for model in MODELS:
        used |= {step.operator for step in interpret(lower(model)[0], {}).steps}
    # These make constants out of integers; the int8 programs' tests use them.
    untested = {"constexpr_affine_dequantize", "constexpr_blockwise_shift_scale"}
    assert set(OPERATORS) - used <= untested

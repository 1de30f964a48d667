from __future__ import annotations

import copy
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from pte_foundry.backends.mps.program import MpsProgram, interpret
from pte_foundry.errors import PteError
from pte_foundry.testing.lowered import largest_difference, lower
from pte_foundry.testing.small_models import MODELS, picture

# float16 has a step of 1/2048 of a value; a few of them add up.
_TOLERANCE = 0.015
# MPS has no nearest upsampling.
_MODELS = [name for name in MODELS if name != "shapes"]

Graph = dict[str, Any]


@pytest.mark.parametrize("model", _MODELS)
def test_the_payload_computes_what_the_model_computes(model: str) -> None:
    assert largest_difference(interpret(*lower("mps", model)), model) < _TOLERANCE


@pytest.fixture(scope="module")
def program() -> MpsProgram:
    return interpret(*lower("mps", "convolutions"))


def test_results_are_rounded_to_float16(program: MpsProgram) -> None:
    (output,) = program.run([picture()])
    assert output.dtype == torch.float32
    assert torch.equal(output, output.half().float())


def test_a_changed_weight_changes_the_output(program: MpsProgram) -> None:
    constants = bytes(720) + program.payload.constants[720:]
    changed = MpsProgram(replace(program.payload, constants=constants))
    assert largest_difference(changed, "convolutions") > 10 * _TOLERANCE


def _rename(graph: Graph) -> None:
    graph["mps_nodes"][1]["mpsnode_union_type"] = "MPSQuantum"


def _reverse(graph: Graph) -> None:
    graph["mps_nodes"].reverse()


def _shrink(graph: Graph) -> None:
    place = graph["mps_nodes"][1]["mpsnode_union"]["output_id"]
    graph["mps_values"][place]["dims"][1] = 7


def _drop_output(graph: Graph) -> None:
    (output,) = graph["output_ids"]
    graph["mps_nodes"] = [
        node for node in graph["mps_nodes"] if node["mpsnode_union"].get("output_id") != output
    ]


def _far_constant(graph: Graph) -> None:
    graph["mps_values"][graph["constant_ids"][0]]["segment_offset"] = 1 << 40


def _wide_constant(graph: Graph) -> None:
    """One argument that the payload forgot to convert."""
    node = next(node for node in graph["mps_nodes"] if node["mpsnode_union_type"] == "MPSConv2D")
    value = graph["mps_values"][node["mpsnode_union"]["input2_id"]]
    value["datatype"] = "mps_data_type_float32"
    value["dims"][0] //= 2


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (_rename, "not-interpretable", "does not have this operator"),
        (_reverse, "structure", "which nothing defines"),
        (_shrink, "structure", r"is declared as \(1, 7, .*computed \(1, 8, "),
        (_drop_output, "structure", "nothing computes its outputs"),
        (_far_constant, "structure", "0 bytes are not"),
    ],
)
def test_a_graph_that_contradicts_itself_is_refused(
    program: MpsProgram, change: Callable[[Graph], None], kind: str, message: str
) -> None:
    graph = copy.deepcopy(program.payload.graph)
    change(graph)
    with pytest.raises(PteError, match=message) as caught:
        MpsProgram(replace(program.payload, graph=graph)).run([picture()])
    assert caught.value.kind == kind


def test_arguments_of_two_precisions_are_not_understood(program: MpsProgram) -> None:
    graph = copy.deepcopy(program.payload.graph)
    _wide_constant(graph)
    with pytest.raises(PteError, match="(float16 and of float32|cannot be computed)"):
        MpsProgram(replace(program.payload, graph=graph)).run([picture()])


@pytest.mark.parametrize(
    "payload",
    [b"", b"\0" * 64, struct.pack("<4s4sQQ", b"\0" * 4, b"MP00", 1 << 50, 4) + bytes(40)],
)
def test_what_is_no_payload_is_refused(payload: bytes) -> None:
    with pytest.raises(PteError, match="(its header is wrong|it has 0 bytes)"):
        interpret(payload, {})


def test_another_number_of_inputs_is_refused(program: MpsProgram) -> None:
    with pytest.raises(PteError, match="takes 1 inputs, given 2"):
        program.run([picture(), picture()])

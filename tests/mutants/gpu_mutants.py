"""Graphs for GPUs: MPS and Vulkan."""

from __future__ import annotations

from typing import Any

from mutants.file_mutants import use_other_checkpoint
from mutants.mutant import Mutant, on_graph, on_payload, on_weight
from mutants.stored_weights import flip_lowest_bits, negate, swap_channels, zero
from pte_foundry.testing.workspace import Workspace

MPS, VULKAN = "mobilenet_v3_small_mps", "mobilenet_v3_small_vulkan"
PARITY = "parity:fixed-0"


def _mps_operator(graph: dict[str, Any]) -> None:
    node = next(one for one in graph["mps_nodes"] if one["mpsnode_union_type"] == "MPSReLU")
    node["mpsnode_union_type"] = "MPSSigmoid"
    # A table that this operator does not have.
    node["mpsnode_union"].pop("input2_id")


def _mps_epsilon(graph: dict[str, Any]) -> None:
    for node in graph["mps_nodes"]:
        if node["mpsnode_union_type"] == "MPSBatchNorm":
            node["mpsnode_union"]["epsilon"] *= 100


def _mps_order(graph: dict[str, Any]) -> None:
    graph["mps_nodes"].insert(0, graph["mps_nodes"].pop(5))


def _mps_offset(graph: dict[str, Any]) -> None:
    _mps_constant(graph)["segment_offset"] += 16


def _mps_dims(graph: dict[str, Any]) -> None:
    dims = next(
        value["dims"]
        for place in graph["constant_ids"]
        if len((value := graph["mps_values"][place])["dims"]) == 2
    )
    dims.reverse()


def _mps_constant(graph: dict[str, Any]) -> Any:
    """The largest that is not the last."""
    values = [graph["mps_values"][place] for place in graph["constant_ids"]]
    last = max(value["segment_offset"] for value in values)
    return max(
        (value for value in values if value["segment_offset"] < last),
        key=lambda value: value["constant_buffer_size"],
    )


def _without_magic(payload: bytes) -> bytes:
    return payload[:4] + b"MP99" + payload[8:]


def _vulkan_operator(graph: dict[str, Any]) -> None:
    call = next(one for one in graph["chain"] if one["name"] == "aten.hardswish.default")
    call["name"] = "aten.sigmoid.default"


def _tensors(graph: dict[str, Any]) -> list[dict[str, Any]]:
    return [one["value"] for one in graph["values"] if one["value_type"] == "VkTensor"]


def _vulkan_float32(graph: dict[str, Any]) -> None:
    next(one for one in _tensors(graph) if one["constant_id"] < 0)["datatype"] = "FLOAT32"


def _vulkan_memory(graph: dict[str, Any]) -> None:
    """All computed tensors share the same memory."""
    for tensor in _tensors(graph):
        if tensor["mem_obj_id"] >= 0:
            tensor["mem_obj_id"] = 0


def _vulkan_dims(graph: dict[str, Any]) -> None:
    next(one for one in _tensors(graph) if one["constant_id"] >= 0 and len(one["dims"]) == 2)[
        "dims"
    ].reverse()


def _vulkan_constants(graph: dict[str, Any]) -> None:
    """Two constants of the same length swap places."""
    by_length: dict[int, Any] = {}
    for entry in graph["constants"]:
        other = by_length.setdefault(entry["length"], entry)
        if other["named_key"] != entry["named_key"] and entry["length"] > 1000:
            other["named_key"], entry["named_key"] = entry["named_key"], other["named_key"]
            return
    raise AssertionError("no two constants have the same length")


def _smaller_textures(workspace: Workspace) -> None:
    """The limits of a GPU that has less than the program needs."""
    workspace.report["options"]["texture_limits"] = "100"


GPU_MUTANTS = (
    Mutant("another checkpoint", MPS, use_other_checkpoint, "weights"),
    Mutant("weight zeroed", MPS, on_weight("mps", zero), "weights"),
    Mutant("channels swapped", MPS, on_weight("mps", swap_channels, 2), "weights"),
    Mutant("sign flipped", MPS, on_weight("mps", negate, 4, 2), "weights"),
    Mutant("low bit of one weight flipped", MPS, on_weight("mps", flip_lowest_bits), "weights"),
    Mutant("operator exchanged", MPS, on_graph("mps", _mps_operator), PARITY),
    Mutant("epsilons of batch norms", MPS, on_graph("mps", _mps_epsilon), PARITY, True),
    Mutant("order of two nodes", MPS, on_graph("mps", _mps_order), "interpret"),
    Mutant("place of a constant shifted", MPS, on_graph("mps", _mps_offset), "weights"),
    Mutant(
        "weight declared as the transposed matrix", MPS, on_graph("mps", _mps_dims), "interpret"
    ),
    Mutant("header of the payload damaged", MPS, on_payload(_without_magic), "interpret"),
    Mutant("another checkpoint", VULKAN, use_other_checkpoint, "weights"),
    Mutant("weight zeroed", VULKAN, on_weight("vulkan", zero), "weights"),
    Mutant("channels swapped", VULKAN, on_weight("vulkan", swap_channels), "weights"),
    Mutant("sign flipped", VULKAN, on_weight("vulkan", negate, 2), "weights"),
    Mutant(
        "low bit of one weight flipped", VULKAN, on_weight("vulkan", flip_lowest_bits), "weights"
    ),
    Mutant("operator exchanged", VULKAN, on_graph("vulkan", _vulkan_operator), PARITY),
    Mutant("one tensor in float32", VULKAN, on_graph("vulkan", _vulkan_float32), "payload"),
    Mutant("memory shared too early", VULKAN, on_graph("vulkan", _vulkan_memory), "interpret"),
    Mutant(
        "weight declared as the transposed matrix",
        VULKAN,
        on_graph("vulkan", _vulkan_dims),
        "interpret",
    ),
    Mutant("two constants exchanged", VULKAN, on_graph("vulkan", _vulkan_constants), PARITY),
    Mutant("textures larger than promised", VULKAN, _smaller_textures, "payload"),
)

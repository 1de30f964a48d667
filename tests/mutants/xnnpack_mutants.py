"""Payloads that XNNPACK executes."""

from __future__ import annotations

from typing import Any

import numpy as np

from mutants.mutant import Mutant, on_bytes, on_graph, on_payload, on_weight
from mutants.program_bytes import read_graph
from mutants.stored_weights import (
    flip_exponent_bit,
    flip_lowest_bits,
    negate,
    put_nan,
    swap_channels,
    zero,
    zero_a_channel,
)
from pte_foundry.inspection.payloads import delegate_payloads, named_data

FLOAT = "mobilenet_v3_small_xnnpack"
STATIC = "mobilenet_v2_int8_xnnpack"
DYNAMIC = "mobilenet_v3_small_int8_xnnpack"

PARITY, PHOTOGRAPH = "parity:fixed-0", "parity:chelsea.png"


def _first(graph: dict[str, Any], kind: str) -> dict[str, Any]:
    """The first node of a kind."""
    found = [node for node in graph["xnodes"] if node["xnode_union_type"] == kind]
    assert found, sorted({node["xnode_union_type"] for node in graph["xnodes"]})
    first: dict[str, Any] = found[0]
    return first


def _other_operator(graph: dict[str, Any]) -> None:
    _first(graph, "XNNHardswish")["xnode_union_type"] = "XNNSigmoid"


def _other_padding(graph: dict[str, Any]) -> None:
    """One row moves from below to above, so that all sizes stay."""
    for node in graph["xnodes"]:
        fields = node["xnode_union"]
        if fields.get("padding_bottom"):
            fields["padding_top"] += 1
            fields["padding_bottom"] -= 1
            return
    raise AssertionError("no node has a padding")


def _other_bound(graph: dict[str, Any]) -> None:
    for node in graph["xnodes"]:
        bounds = node.get("output_min_max")
        if bounds and bounds["output_max"] > 1e3:
            bounds["output_max"] = 0.25
            return
    raise AssertionError("no node has bounds")


def _permuted_dims(graph: dict[str, Any]) -> None:
    """Of the last linear layer's weight: output and input channels."""
    for value in reversed(graph["xvalues"]):
        tensor = value["xvalue_union"]
        tensor = tensor.get("tensor_value", tensor)
        if tensor["constant_buffer_idx"] and len(tensor["dims"]) == 2:
            tensor["dims"].reverse()
            return
    raise AssertionError("no constant has two dimensions")


def _tensor_scales(graph: dict[str, Any]) -> list[dict[str, Any]]:
    """Quantization of activations: one scale and one zero point for a tensor."""
    found = [
        value["xvalue_union"]["quant_params"]
        for value in graph["xvalues"]
        if value["xvalue_union_type"] == "XNNQuantizedTensorValue"
        and value["xvalue_union"]["quant_params_type"] == "PerTensorQuant"
    ]
    assert len(found) > 4
    return found


def _scale_much_larger(graph: dict[str, Any]) -> None:
    """One activation has four bits left. Doubled, it would lose one, which parity's bounds allow."""
    _tensor_scales(graph)[3]["scale"] *= 16


def _zero_points_shifted(graph: dict[str, Any]) -> None:
    """By a quarter of the range: the runtime adds and takes away the same, and clips what is outside."""
    for quant in _tensor_scales(graph):
        quant["zero_point"] = max(-128, min(127, quant["zero_point"] + 64))


def _weight_scales_doubled(pte: bytes) -> bytes:
    """Of the weight with the most channels."""
    (payload,) = delegate_payloads(pte)
    graph, data = read_graph("xnnpack", payload.payload), named_data(pte)
    channelwise = [
        value["xvalue_union"]["quant_params"]
        for value in graph["xvalues"]
        if value["xvalue_union"].get("quant_params_type") == "PerChannelQuant"
        and value["xvalue_union"]["tensor_value"]["datatype"] == "xnn_datatype_qcint8"
    ]
    quant = max(channelwise, key=lambda one: int(one["num_scales"]))
    key = graph["constant_data"][quant["scale_buffer_idx"]]["named_key"]
    old = data[key][: 4 * quant["num_scales"]]
    assert pte.count(old) == 1
    return pte.replace(old, (np.frombuffer(old, np.float32) * 2).tobytes())


def _without_magic(payload: bytes) -> bytes:
    return payload[:4] + b"XH99" + payload[8:]


XNNPACK_MUTANTS = (
    Mutant("weight zeroed", FLOAT, on_weight("xnnpack", zero), PARITY, True),
    Mutant("channels swapped", FLOAT, on_weight("xnnpack", swap_channels, 2), PARITY),
    Mutant("sign flipped", FLOAT, on_weight("xnnpack", negate, 4, 3), PARITY),
    Mutant(
        "exponent bit of a weight flipped",
        FLOAT,
        on_weight("xnnpack", flip_exponent_bit),
        "weights",
    ),
    Mutant(
        "low bit of one weight flipped", FLOAT, on_weight("xnnpack", flip_lowest_bits), "weights"
    ),
    Mutant("NaN in a weight", FLOAT, on_weight("xnnpack", put_nan), "run:fixed-0"),
    Mutant("operator exchanged", FLOAT, on_graph("xnnpack", _other_operator), PARITY),
    Mutant("padding moved", FLOAT, on_graph("xnnpack", _other_padding), PARITY),
    Mutant("clamped too low", FLOAT, on_graph("xnnpack", _other_bound), PARITY),
    Mutant(
        "weight declared as the transposed matrix",
        FLOAT,
        on_graph("xnnpack", _permuted_dims),
        "run:fixed-0",
    ),
    Mutant("header of the payload damaged", FLOAT, on_payload(_without_magic), "load"),
    Mutant(
        "scale of an activation 16 times as large",
        STATIC,
        on_graph("xnnpack", _scale_much_larger),
        PHOTOGRAPH,
    ),
    Mutant("zero points shifted", STATIC, on_graph("xnnpack", _zero_points_shifted), PHOTOGRAPH),
    Mutant("channel zeroed", STATIC, on_weight("xnnpack", zero_a_channel, 2), "weights"),
    Mutant("sign flipped", STATIC, on_weight("xnnpack", negate, 4, 2), PHOTOGRAPH),
    Mutant("weight zeroed", DYNAMIC, on_weight("xnnpack", zero), "weights"),
    Mutant("channels swapped", DYNAMIC, on_weight("xnnpack", swap_channels, 2), "weights"),
    Mutant("scales doubled", STATIC, on_bytes(_weight_scales_doubled), "weights", True),
)

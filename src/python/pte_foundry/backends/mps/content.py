"""What an MPS payload stores and says of itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch

from pte_foundry.backends.content import Constant, PayloadContent
from pte_foundry.backends.mps.payload import MpsPayload

_CONVOLUTIONS = ("MPSConv2D", "MPSDepthwiseConv2D")
_PRODUCTS = ("MPSMatMul", "MPSAddmm")


def mps_content(payload: MpsPayload) -> PayloadContent:
    """Describe a graph; raises PteError `structure` for a constant that its bytes contradict.

    The types with which a payload declares what is computed are those of the exported program, before
    its conversion, and say nothing: those of its constants decide.
    """
    graph = payload.graph
    operators = Counter(node["mpsnode_union_type"] for node in graph["mps_nodes"])
    constants, floats = [], Counter[str]()
    for place in graph["constant_ids"]:
        values = payload.constant(place, f"constant {place}")
        if values.is_floating_point():
            floats[_name(values.dtype)] += 1
            size = values.numel() * values.itemsize
            constants.append(Constant(f"value {place}", values.float(), None, size, values.dtype))
    return PayloadContent(
        constants=tuple(constants),
        operators=dict(sorted(operators.items())),
        convolutions=sum(operators[name] for name in _CONVOLUTIONS),
        products=sum(operators[name] for name in _PRODUCTS),
        inputs=_signature(payload, graph["input_ids"]),
        outputs=_signature(payload, graph["output_ids"]),
        float_types=dict(sorted(floats.items())),
        keeps_batch_norms=True,
    )


def _signature(
    payload: MpsPayload, places: Sequence[int]
) -> tuple[tuple[tuple[int, ...], str], ...]:
    found = []
    for place in places:
        dtype, shape = payload.tensor_type(place, f"value {place}")
        found.append((shape, _name(dtype)))
    return tuple(found)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")

"""What an XNNPACK payload stores.

Filters lie in memory as XNNPACK reads them, channels last: [out, height, width, in], of a depthwise
convolution [1, height, width, out], of a transposed one [out, height, width, in]. Here they have the
model's order again. Source: executorch 1.5.1, backends/xnnpack/operators/op_conv2d.py and
node_visitor.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from pte_foundry.backends.content import Constant, PayloadContent
from pte_foundry.backends.interpreter import unknown
from pte_foundry.backends.xnnpack.payload import XnnpackPayload

_QUANTIZED = "XNNQuantizedTensorValue"
_CONVOLUTIONS = ("XNNConv2d", "XNNConvTranspose2d", "XNNDepthwiseConv2d")
_PRODUCTS = ("XNNBatchMatrixMultiply", "XNNFullyConnected")
_Order = Callable[[Tensor, int], Tensor]


def _same(filters: Tensor, groups: int) -> Tensor:
    return filters.permute(0, 3, 1, 2)


def _depthwise(filters: Tensor, groups: int) -> Tensor:
    return filters.permute(3, 0, 1, 2)


def _transposed(filters: Tensor, groups: int) -> Tensor:
    if groups != 1:
        raise unknown("XNNConvTranspose2d", f"{groups} groups")
    return filters.permute(3, 0, 1, 2)


_ORDERS: Mapping[str, _Order] = {
    "XNNConv2d": _same,
    "XNNDepthwiseConv2d": _depthwise,
    "XNNConvTranspose2d": _transposed,
}


def xnnpack_content(payload: XnnpackPayload) -> PayloadContent:
    """Describe a graph: its constants and operators.

    Inputs and outputs are left out: the program was executed with them.

    Raises:
        PteError: `structure` for a constant that its bytes contradict; `not-interpretable` for a kind
            of constant that none of our models has.
    """
    nodes = payload.graph["xnodes"]
    operators = Counter(node["xnode_union_type"] for node in nodes)
    orders = {
        node["xnode_union"]["filter_id"]: (kind, node["xnode_union"]["groups"])
        for node in nodes
        if (kind := node["xnode_union_type"]) in _ORDERS
    }
    constants = []
    for value in payload.graph["xvalues"]:
        tensor = _tensor(value)
        if not tensor["constant_buffer_idx"]:
            continue
        where = f"value {tensor['id_out']}"
        stored, scale = payload.constant(tensor, where), _scale(payload, value, where)
        if not stored.is_floating_point() and scale is None:
            continue
        numbers = stored.float() if scale is None else stored.float() * scale
        if tensor["id_out"] in orders:
            kind, groups = orders[tensor["id_out"]]
            numbers = _ORDERS[kind](numbers, groups)
            if scale is not None:
                scale = _ORDERS[kind](scale.expand(stored.shape), groups)
        size = stored.numel() * stored.itemsize
        constants.append(Constant(where, numbers, scale, size, torch.float32))
    return PayloadContent(
        constants=tuple(constants),
        operators=dict(sorted(operators.items())),
        convolutions=sum(operators[name] for name in _CONVOLUTIONS),
        products=sum(operators[name] for name in _PRODUCTS),
        inputs=(),
        outputs=(),
        float_types={},
        keeps_batch_norms=False,
    )


def _tensor(value: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = value["xvalue_union"]
    return fields["tensor_value"] if value["xvalue_union_type"] == _QUANTIZED else fields


def _scale(payload: XnnpackPayload, value: Mapping[str, Any], where: str) -> Tensor | None:
    """What one step of the integers is worth, in a shape that broadcasts; None for floats."""
    if value["xvalue_union_type"] != _QUANTIZED:
        return None
    kind = value["xvalue_union"]["quant_params_type"]
    fields = value["xvalue_union"]["quant_params"]
    if kind == "PerTensorQuant":
        if fields["zero_point"]:
            raise unknown(where, f"a constant with the zero point {fields['zero_point']}")
        return torch.tensor(fields["scale"])
    if kind != "PerChannelQuant":
        raise unknown(where, f"quantization of the kind {kind!r}")
    count = fields.get("num_scales", 0)
    if fields.get("scale_buffer_idx"):
        scales = payload.numbers(fields["scale_buffer_idx"], torch.float32, (count,), where)
    else:
        scales = torch.tensor(fields["scale"])
    shape = [1] * len(_tensor(value)["dims"])
    shape[fields["channel_dim"]] = -1
    return scales.reshape(shape)

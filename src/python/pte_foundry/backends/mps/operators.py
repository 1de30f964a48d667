"""Nodes of MPS graphs in PyTorch, on float32 tensors.

A node is the JSON of its table in the schema; `get(name)` gives the tensor whose id stands in that field,
None for the id -1. Source: executorch 1.4.1, backends/apple/mps/serialization/schema.fbs and
backends/apple/mps/operators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pte_foundry.backends.interpreter import unknown
from pte_foundry.backends.mps.payload import DTYPES

Fields = Mapping[str, Any]
Get = Callable[[str], Any]
Operator = Callable[[Fields, Get], Sequence[Tensor]]


def _convolution(node: Fields, get: Get) -> tuple[Tensor]:
    padding = [node[f"padding_{side}"] for side in ("left", "right", "top", "bottom")]
    return (
        functional.conv2d(
            functional.pad(get("input1_id"), padding),
            get("input2_id"),
            get("input3_id"),
            stride=[node["stride_y"], node["stride_x"]],
            dilation=[node["dilation_y"], node["dilation_x"]],
            groups=node["groups"],
        ),
    )


def _max_pool(node: Fields, get: Get) -> tuple[Tensor, Tensor]:
    if node["ceil_mode"]:
        raise unknown("MPSMaxPool2DWithIndices", "ceil_mode")
    padding = [node[f"padding_{side}"] for side in ("left", "right", "top", "bottom")]
    values, indices = functional.max_pool2d(
        functional.pad(get("input1_id"), padding, value=float("-inf")),
        [node["kernel_height"], node["kernel_width"]],
        [node["stride_height"], node["stride_width"]],
        dilation=[node["dilation_height"], node["dilation_width"]],
        return_indices=True,
    )
    return values, indices


def _batch_norm(node: Fields, get: Get) -> tuple[Tensor]:
    names = ("input_id", "mean_id", "var_id", "weight_id", "bias_id")
    x, mean, variance, weight, bias = map(get, names)
    return (functional.batch_norm(x, mean, variance, weight, bias, eps=node["epsilon"]),)


def _layer_norm(node: Fields, get: Get) -> tuple[Tensor]:
    x, weight, bias = get("input1_id"), get("weight_id"), get("bias_id")
    shape = node["normalized_shape"]
    return (functional.layer_norm(x, shape, weight, bias, node["eps"]),)


def _clamp(node: Fields, get: Get) -> tuple[Tensor]:
    bounds = node["min_max"]
    return (get("input1_id").clamp(bounds["min_value"], bounds["max_value"]),)


def _addmm(node: Fields, get: Get) -> tuple[Tensor]:
    product = get("input2_id") @ get("input3_id")
    return (node["beta"] * get("input1_id") + node["alpha"] * product,)


def _divide(node: Fields, get: Get) -> tuple[Tensor]:
    if node.get("rounding_mode"):
        raise unknown("MPSDiv", f"rounding mode {node['rounding_mode']!r}")
    return (get("input1_id") / get("input2_id"),)


def _cast(node: Fields, get: Get) -> tuple[Tensor]:
    dtype = DTYPES.get(node["dtype"])
    if dtype not in (torch.float16, torch.float32):
        raise unknown("MPSCast", f"to {node['dtype']}")
    return (get("input1_id").to(torch.float32),)


OPERATORS: Mapping[str, Operator] = {
    "MPSAdd": lambda node, get: (get("input1_id") + node["alpha"] * get("input2_id"),),
    "MPSAddmm": _addmm,
    "MPSBatchNorm": _batch_norm,
    "MPSCast": _cast,
    "MPSCat": lambda node, get: (torch.cat(get("input_ids"), node["dim"]),),
    "MPSClamp": _clamp,
    "MPSConv2D": _convolution,
    "MPSDepthwiseConv2D": _convolution,
    "MPSDiv": _divide,
    "MPSExpand": lambda node, get: (get("input1_id").expand(node["shape"]),),
    "MPSGELU": lambda node, get: (
        functional.gelu(get("input1_id"), approximate=node["approximate"]),
    ),
    "MPSHardTanh": lambda node, get: (
        get("input1_id").clamp(node["min_value"], node["max_value"]),
    ),
    "MPSLayerNorm": _layer_norm,
    "MPSMatMul": lambda node, get: (get("input1_id") @ get("input2_id"),),
    "MPSMaxPool2DWithIndices": _max_pool,
    "MPSMean": lambda node, get: (get("input1_id").mean(node["dims"], keepdim=node["keep_dims"]),),
    "MPSMul": lambda node, get: (get("input1_id") * get("input2_id"),),
    "MPSPermute": lambda node, get: (get("input1_id").permute(node["perm"]),),
    "MPSReLU": lambda node, get: (get("input1_id").relu(),),
    "MPSSigmoid": lambda node, get: (get("input1_id").sigmoid(),),
    "MPSSoftmax": lambda node, get: (get("input1_id").softmax(node["dim"]),),
    "MPSSplitWithSizes": lambda node, get: tuple(
        get("input1_id").split(node["split_sizes"], node["dim"])
    ),
    "MPSSub": lambda node, get: (get("input1_id") - node["alpha"] * get("input2_id"),),
    "MPSView": lambda node, get: (get("input1_id").reshape(node["shape"]),),
}

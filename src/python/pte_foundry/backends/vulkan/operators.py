"""Operators of Vulkan graphs: PyTorch's own, and a few that the delegate adds.

A graph lists the arguments of an operator in the order of its PyTorch schema, keyword arguments
included, and then its result. Source: executorch 1.5.1, backends/vulkan/op_registry.py and
backends/vulkan/serialization/vulkan_graph_builder.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pte_foundry.backends.interpreter import unknown

Operator = Callable[[Sequence[Any]], Sequence[Tensor]]

_aten = torch.ops.aten


def _as_schema(operator: Any) -> Operator:
    """Call a PyTorch operator with arguments in the order of its schema."""
    parameters = operator._schema.arguments

    def call(arguments: Sequence[Any]) -> tuple[Tensor, ...]:
        if len(arguments) > len(parameters):
            raise unknown(operator.name(), f"{len(arguments)} arguments")
        positional = [
            _fitting(value, one) for value, one in zip(arguments, parameters) if not one.kwarg_only
        ]
        # Layouts and devices have no meaning here; a dtype is that of the declared result.
        keywords = {
            one.name: value
            for value, one in zip(arguments, parameters)
            if one.kwarg_only and value is not None
        }
        result = operator(*positional, **keywords)
        return (result,) if isinstance(result, Tensor) else tuple(result)

    return call


def _fitting(value: Any, parameter: Any) -> Any:
    """A graph has some integers, such as where a slice begins, as floats."""
    is_whole = isinstance(value, float) and value.is_integer() and "int" in str(parameter.type)
    return int(value) if is_whole else value


def _conv_with_clamp(arguments: Sequence[Any]) -> tuple[Tensor]:
    *convolution, low, high = arguments
    return (_aten.convolution.default(*convolution).clamp(_bound(low), _bound(high)),)


def _bound(value: float) -> float:
    """No bound at all is written as the greatest double, which float32 does not have."""
    return math.copysign(math.inf, value) if abs(value) > torch.finfo(torch.float32).max else value


def _same(arguments: Sequence[Any]) -> tuple[Tensor]:
    """Another place or layout in memory; the element type is that of the declared result."""
    return (arguments[0],)


def _int8_linear(arguments: Sequence[Any]) -> tuple[Tensor]:
    """[tokens, in] times int8 [out, in] transposed, times one scale for each output channel."""
    tokens, weight, scales = arguments
    return (functional.linear(tokens, weight.to(torch.float32)) * scales,)


OPERATORS: Mapping[str, Operator] = {
    "aten._weight_int8pack_mm.default": _int8_linear,
    "et_vk.prepack.default": _same,
    "et_vk.conv_with_clamp.default": _conv_with_clamp,
    "dim_order_ops._to_dim_order_copy.default": _same,
    "aten.clone.default": _same,
    **{
        f"aten.{name}": _as_schema(operator)
        for name, operator in {
            "_softmax.default": _aten._softmax.default,
            "abs.default": _aten.abs.default,
            "add.Tensor": _aten.add.Tensor,
            "avg_pool2d.default": _aten.avg_pool2d.default,
            "bmm.default": _aten.bmm.default,
            "cat.default": _aten.cat.default,
            "clamp.default": _aten.clamp.default,
            "convolution.default": _aten.convolution.default,
            "div.Tensor": _aten.div.Tensor,
            "exp.default": _aten.exp.default,
            "expand_copy.default": _aten.expand_copy.default,
            "gelu.default": _aten.gelu.default,
            "hardswish.default": _aten.hardswish.default,
            "hardtanh.default": _aten.hardtanh.default,
            "linear.default": _aten.linear.default,
            "max_pool2d_with_indices.default": _aten.max_pool2d_with_indices.default,
            "mean.dim": _aten.mean.dim,
            "minimum.default": _aten.minimum.default,
            "mm.default": _aten.mm.default,
            "mul.Tensor": _aten.mul.Tensor,
            "native_layer_norm.default": _aten.native_layer_norm.default,
            "neg.default": _aten.neg.default,
            "permute_copy.default": _aten.permute_copy.default,
            "pow.Tensor_Scalar": _aten.pow.Tensor_Scalar,
            "relu.default": _aten.relu.default,
            "rsqrt.default": _aten.rsqrt.default,
            "select_copy.int": _aten.select_copy.int,
            "sigmoid.default": _aten.sigmoid.default,
            "slice_copy.Tensor": _aten.slice_copy.Tensor,
            "split_with_sizes_copy.default": _aten.split_with_sizes_copy.default,
            "sqrt.default": _aten.sqrt.default,
            "squeeze_copy.dims": _aten.squeeze_copy.dims,
            "sub.Tensor": _aten.sub.Tensor,
            "sum.dim_IntList": _aten.sum.dim_IntList,
            "tanh.default": _aten.tanh.default,
            "unsqueeze_copy.default": _aten.unsqueeze_copy.default,
            "upsample_nearest2d.vec": _aten.upsample_nearest2d.vec,
            "view_copy.default": _aten.view_copy.default,
        }.items()
    },
}

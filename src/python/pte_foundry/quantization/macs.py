"""Multiply-accumulates of one operator call, from the shapes in the graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import torch
from torch.fx import Node

_ATEN = torch.ops.aten


@dataclass(frozen=True)
class Products:
    """What a matrix product or convolution multiplies.

    Attributes:
        operands: the two (for attention, three) factors; any may be a weight. No bias.
        macs: multiply-accumulates of one call.
    """

    operands: tuple[Node, ...]
    macs: int


def products(node: Node) -> Products | None:
    """What `node` multiplies; None for operators without matrix products.

    - convolution: output elements x (input channels per group x kernel elements);
    - transposed convolution: input elements x (output channels per group x kernel elements);
    - linear, matrix products: output elements x length of the contracted dimension;
    - scaled dot product attention: rows of q x rows of k x (channels of k + channels of v), times heads.
    """
    if node.op != "call_function":
        return None
    count = _COUNTERS.get(node.target)
    return None if count is None else count(node)


def shape_of(node: Node) -> tuple[int, ...]:
    """Shape of the tensor that `node` stands for."""
    return tuple(int(size) for size in node.meta["val"].shape)


def _operand(node: Node, index: int) -> Node:
    operand = node.args[index]
    assert isinstance(operand, Node), f"{node.target} without a tensor at {index}"
    return operand


def _convolution(node: Node) -> Products:
    x, weight = _operand(node, 0), _operand(node, 1)
    per_channel = prod(shape_of(weight)[1:])
    transposed = node.target is _ATEN.convolution.default and bool(node.args[6])
    return Products((x, weight), prod(shape_of(x if transposed else node)) * per_channel)


def _transposed_convolution(node: Node) -> Products:
    x, weight = _operand(node, 0), _operand(node, 1)
    return Products((x, weight), prod(shape_of(x)) * prod(shape_of(weight)[1:]))


def _matrix_product(first: int) -> Callable[[Node], Products]:
    def count(node: Node) -> Products:
        left, right = _operand(node, first), _operand(node, first + 1)
        return Products((left, right), prod(shape_of(node)) * shape_of(left)[-1])

    return count


def _attention(node: Node) -> Products:
    query, key, value = (_operand(node, index) for index in range(3))
    rows = prod(shape_of(query)[:-1]) * shape_of(key)[-2]
    return Products((query, key, value), rows * (shape_of(key)[-1] + shape_of(value)[-1]))


_COUNTERS: dict[object, Callable[[Node], Products]] = {
    _ATEN.conv1d.default: _convolution,
    _ATEN.conv1d.padding: _convolution,
    _ATEN.conv2d.default: _convolution,
    _ATEN.conv2d.padding: _convolution,
    _ATEN.conv3d.default: _convolution,
    _ATEN.convolution.default: _convolution,
    _ATEN.conv_transpose1d.default: _transposed_convolution,
    _ATEN.conv_transpose2d.input: _transposed_convolution,
    _ATEN.linear.default: _matrix_product(0),
    _ATEN.matmul.default: _matrix_product(0),
    _ATEN.mm.default: _matrix_product(0),
    _ATEN.bmm.default: _matrix_product(0),
    _ATEN.addmm.default: _matrix_product(1),
    _ATEN.baddbmm.default: _matrix_product(1),
    _ATEN.scaled_dot_product_attention.default: _attention,
}

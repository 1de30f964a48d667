"""How much of a quantized program is quantized, counted in its exported graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from math import prod

import torch
from torch._ops import OpOverload
from torch.export import ExportedProgram
from torch.fx import Node

from pte_foundry.errors import PteError
from pte_foundry.quantization.float_layers import module_of, operator_name
from pte_foundry.quantization.macs import Products, products, shape_of
from pte_foundry.quantization.recipe import Census

_ATEN = torch.ops.aten
# These pass values on as they are, so an operand is what their input is.
_PASSES_ON = frozenset(
    {
        _ATEN.alias.default,
        _ATEN.clone.default,
        _ATEN.contiguous.default,
        _ATEN.expand.default,
        _ATEN.flatten.using_ints,
        _ATEN.permute.default,
        _ATEN.reshape.default,
        _ATEN.slice.Tensor,
        _ATEN.squeeze.dim,
        _ATEN.t.default,
        _ATEN.transpose.int,
        _ATEN.unsqueeze.default,
        _ATEN.view.default,
    }
)
# Backends compute these on the result of a product before it is rounded to integers.
_FUSED = frozenset(
    {
        _ATEN.clamp.default,
        _ATEN.hardtanh.default,
        _ATEN.hardtanh_.default,
        _ATEN.relu.default,
        _ATEN.relu_.default,
    }
)


def take_census(program: ExportedProgram) -> Census:
    """Count what is quantized in `program`, which has quantize and dequantize operators.

    - weights_fraction: a weight is an operand of a product (see `macs`) that depends on no input
      of the program. Its elements count once, however often it is used. It is stored as integers
      if it comes out of a dequantize operator. Without weights: 0.
    - compute_fraction: multiply-accumulates of the products that have a weight and whose operands
      all come out of dequantize operators, divided by those of all products. No backend here has
      an integer product of two activations. Without products: 0.
    - An operator counts as quantized if it is such a product, whose result may be float (dynamic
      quantization), or if all its operands come out of dequantize operators and its result goes
      into quantize operators only. One that is fused with what follows (a convolution before a
      relu) is quantized if both are. Quantize and dequantize operators themselves, and operators
      on constants alone, do not count.
    """
    constants = _constants(program)
    elements: dict[Node, tuple[int, bool]] = {}
    macs = integer_macs = 0
    quantized: Counter[str] = Counter()
    in_float: Counter[str] = Counter()
    for node in _operators(program):
        if node in constants:
            continue
        product = products(node)
        if product is not None:
            macs += product.macs
            integer_macs += product.macs if _in_integers(product, constants) else 0
            for operand in product.operands:
                if operand in constants:
                    source = _source(operand)
                    elements[_stored(source)] = (prod(shape_of(source)), _dequantizes(source))
        counted = quantized if _is_quantized(node, constants) else in_float
        counted[operator_name(node)] += 1
    total = sum(count for count, _ in elements.values())
    return Census(
        weights_fraction=_share(sum(count for count, yes in elements.values() if yes), total),
        compute_fraction=_share(integer_macs, macs),
        quantized=_sorted(quantized),
        in_float=_sorted(in_float),
    )


def float_products(program: ExportedProgram) -> dict[Node, int]:
    """The matrix products and convolutions that are not computed with integers, with the multiply-accumulates of
    one call."""
    constants = _constants(program)
    return {
        node: product.macs
        for node in _operators(program)
        if node not in constants
        and (product := products(node))
        and not _in_integers(product, constants)
    }


def refuse_float(
    model: str,
    program: ExportedProgram,
    is_quantized: Callable[[Node], bool],
    reason: str,
    options: str,
) -> None:
    """Refuse a product that should be quantized but is computed in float.

    Args:
        model: its name, for the message.
        is_quantized: whether an operator call should be quantized.
        reason: why one is not.
        options: those that keep it in float.

    Raises:
        PteError: `lowering-failed` naming the operator and its module.
    """
    for node, macs in float_products(program).items():
        if is_quantized(node):
            raise PteError(
                "lowering-failed",
                f"model {model!r}: {operator_name(node)} in {module_of(node) or 'the outermost module'} "
                f"({macs} multiply-accumulates) would stay in float: {reason}. Rewrite it, or accept it with "
                f"{options} in `quantization_options`",
            )


def _operators(program: ExportedProgram) -> list[Node]:
    return [
        node
        for node in program.graph.nodes
        if node.op == "call_function"
        and isinstance(node.target, OpOverload)
        and node.target.namespace != "quantized_decomposed"
        and isinstance(node.meta.get("val"), torch.Tensor)
    ]


def _constants(program: ExportedProgram) -> frozenset[Node]:
    """Nodes that depend on no input of the program."""
    inputs = set(program.graph_signature.user_inputs)
    found: set[Node] = set()
    for node in program.graph.nodes:
        if node.op == "placeholder":
            constant = node.name not in inputs
        else:
            constant = node.op == "get_attr" or (
                node.op == "call_function" and all(one in found for one in node.all_input_nodes)
            )
        if constant:
            found.add(node)
    return frozenset(found)


def _in_integers(product: Products, constants: frozenset[Node]) -> bool:
    # Two activations may come out of dequantize operators by chance, because of what else uses
    # them; their product is still computed in float.
    has_weight = any(operand in constants for operand in product.operands)
    return has_weight and all(_dequantizes(_source(operand)) for operand in product.operands)


def _is_quantized(node: Node, constants: frozenset[Node]) -> bool:
    product = products(node)
    if product is not None:
        return _in_integers(product, constants)
    return _takes_integers(node, constants) and _gives_integers(node)


def _takes_integers(node: Node, constants: frozenset[Node]) -> bool:
    tensors = [one for one in node.all_input_nodes if isinstance(one.meta.get("val"), torch.Tensor)]
    return bool(tensors) and all(
        _dequantizes(one) or (node.target in _FUSED and _feeds_fused(one, constants))
        for one in tensors
    )


def _feeds_fused(node: Node, constants: frozenset[Node]) -> bool:
    product = products(node)
    if len(node.users) != 1 or node.op != "call_function":
        return False
    return _takes_integers(node, constants) if product is None else _in_integers(product, constants)


def _gives_integers(node: Node) -> bool:
    users = list(node.users)
    if len(users) == 1 and users[0].target in _FUSED:
        return _gives_integers(users[0])
    return bool(users) and all(_is_primitive(user, "quantize") for user in users)


def _source(node: Node) -> Node:
    while node.target in _PASSES_ON:
        previous = node.args[0]
        assert isinstance(previous, Node)
        node = previous
    return node


def _stored(source: Node) -> Node:
    """The tensor that the program stores: two operators may each dequantize the same weight."""
    stored = source.args[0] if _dequantizes(source) else source
    assert isinstance(stored, Node)
    return stored


def _dequantizes(node: Node) -> bool:
    return _is_primitive(node, "dequantize")


def _is_primitive(node: Node, prefix: str) -> bool:
    """Whether `node` is an operator of `quantized_decomposed` or torchao whose name begins with `prefix`."""
    target = node.target
    return (
        isinstance(target, OpOverload)
        and target.namespace in ("quantized_decomposed", "torchao")
        and target._opname.startswith(prefix)
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))

"""Cut an exported program into pieces to time one by one: whatever a delegate computes as one operator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.fx import Interpreter, Node
from torch.utils import _pytree as pytree

COPIES = 4
"""A piece computes this many inputs, each with other numbers, so that they share what a call costs by itself."""

# XNNPACK fuses these into the convolution or similar operator that they follow.
_FOLDED = frozenset(
    ("batch_norm", "_native_batch_norm_legit_no_training", "clamp", "hardtanh", "relu", "relu6")
)
_FOLLOWED = frozenset(("add", "conv2d", "linear", "mul", "sub"))
_BROADCASTS = frozenset(("add", "div", "mul", "sub"))
# Views, and operators that vanish in lowering.
_FREE = frozenset(
    ("alias", "contiguous", "detach", "dropout", "flatten", "getitem", "reshape", "unflatten")
    + ("squeeze", "unsqueeze", "view", "clone")
)


@dataclass(frozen=True)
class Piece:
    """Operators that run as one.

    Attributes:
        operator: the first one's name, e.g. "conv2d".
        shapes: of the values that flow in, then of its constants.
        count: how often the program has it.
        module: from `COPIES` times the values that flow in, one after another, to all that comes out.
        inputs: for `module`. Pictures lie in memory as inside XNNPACK, channels last. Values that are broadcast come as
            [rows, columns, channels] instead: strides cannot show where a one-pixel picture has its channels, and
            XNNPACK would lay out its operands differently.
    """

    operator: str
    shapes: tuple[tuple[int, ...], ...]
    count: int
    module: nn.Module
    inputs: tuple[Tensor, ...]


def cut(program: ExportedProgram, inputs: Sequence[Tensor]) -> tuple[Piece, ...]:
    """The pieces of a program in ATen dialect, equal ones once. Runs it on `inputs` to know all shapes."""
    module = program.module()
    recorder = _Recorder(module)
    recorder.run(*inputs)
    found: dict[tuple[object, ...], _Found] = {}
    taken: set[Node] = set()
    for node in module.graph.nodes:
        if node.op != "call_function" or node in taken or _name(node) in _FREE:
            continue
        chain = _chain(node)
        taken.update(chain)
        own = _Computation([_step(one, recorder.values) for one in chain])
        flowing = _flowing(node, recorder.values)
        if _is_broadcast(node, flowing):
            flowing = tuple(_rows_of_channels(value) for value in flowing)
        if not flowing:
            continue  # only constants
        key = (tuple((_name(one), str(_plain(one))) for one in chain), own.shapes(flowing))
        found.setdefault(key, _Found(_name(node), own, flowing)).nodes.append(node.name)
    return tuple(one.piece() for one in found.values())


@dataclass
class _Found:
    operator: str
    computation: _Computation
    flowing: tuple[Tensor, ...]
    nodes: list[str] = field(default_factory=list)

    def piece(self) -> Piece:
        copies = [_like(value, copy) for copy in range(COPIES) for value in self.flowing]
        shapes = self.computation.shapes(self.flowing)
        module = _Copies(self.computation, len(self.flowing))
        return Piece(self.operator, shapes, len(self.nodes), module.eval(), tuple(copies))


@dataclass(frozen=True)
class _Step:
    """arguments: of the operator, with `_HOLE` wherever a value flows in."""

    function: Any
    arguments: tuple[Any, dict[str, Any]]


_HOLE = object()


class _Computation(nn.Module):
    def __init__(self, steps: Sequence[_Step]) -> None:
        super().__init__()
        self.steps = steps

    def shapes(self, flowing: Sequence[Tensor]) -> tuple[tuple[int, ...], ...]:
        constants = [
            leaf
            for step in self.steps[:1]
            for leaf in pytree.tree_leaves(step.arguments)
            if isinstance(leaf, Tensor)
        ]
        return tuple(tuple(tensor.shape) for tensor in (*flowing, *constants))

    def forward(self, *flowing: Tensor) -> Any:
        values: Any = flowing
        for step in self.steps:
            supply = iter(values)
            args, kwargs = pytree.tree_map(
                lambda leaf, supply=supply: next(supply) if leaf is _HOLE else leaf, step.arguments
            )
            result = step.function(*args, **kwargs)
            values = (result,)
        return result


class _Copies(nn.Module):
    def __init__(self, computation: _Computation, width: int) -> None:
        super().__init__()
        self.computation = computation
        self.width = width

    def forward(self, *flowing: Tensor) -> tuple[Tensor, ...]:
        groups = [
            flowing[start : start + self.width] for start in range(0, len(flowing), self.width)
        ]
        return tuple(pytree.tree_leaves([self.computation(*group) for group in groups]))


class _Recorder(Interpreter):
    """Keeps the value of every node."""

    def __init__(self, module: torch.fx.GraphModule) -> None:
        super().__init__(module)
        self.values: dict[Node, Any] = {}

    def run_node(self, n: Node) -> Any:
        value = super().run_node(n)
        self.values[n] = value
        return value


def _chain(node: Node) -> list[Node]:
    chain = [node]
    while _name(node) in _FOLLOWED and len(chain[-1].users) == 1:
        (following,) = chain[-1].users
        if following.op != "call_function" or _name(following) not in _FOLDED:
            break
        chain.append(following)
    return chain


def _is_broadcast(node: Node, flowing: Sequence[Tensor]) -> bool:
    return (
        _name(node) in _BROADCASTS
        and all(value.dim() == 4 and value.shape[0] == 1 for value in flowing)
        and len({tuple(value.shape) for value in flowing}) > 1
    )


def _rows_of_channels(picture: Tensor) -> Tensor:
    """[1, channels, rows, columns] as [rows, columns, channels], which broadcasts in the same way."""
    return picture.permute(0, 2, 3, 1).flatten(0, 1).contiguous()


def _is_flowing(node: Node) -> bool:
    return node.op != "get_attr"


def _flowing(node: Node, values: dict[Node, Any]) -> tuple[Tensor, ...]:
    nodes = [leaf for leaf in pytree.tree_leaves((node.args, node.kwargs)) if _is_hole(leaf)]
    return tuple(values[one] for one in nodes)


def _is_hole(leaf: object) -> bool:
    return isinstance(leaf, Node) and _is_flowing(leaf)


def _step(node: Node, values: dict[Node, Any]) -> _Step:
    def supplied(leaf: Any) -> Any:
        if not isinstance(leaf, Node):
            return leaf
        return _HOLE if _is_flowing(leaf) else values[leaf]

    args, kwargs = pytree.tree_map(supplied, (tuple(node.args), dict(node.kwargs)))
    return _Step(node.target, (args, kwargs))


def _plain(node: Node) -> list[Any]:
    """The arguments that are not tensors: strides, dimensions, bounds."""
    return [
        leaf for leaf in pytree.tree_leaves((node.args, node.kwargs)) if not isinstance(leaf, Node)
    ]


def _name(node: Node) -> str:
    return str(getattr(node.target, "__name__", node.target)).partition(".")[0].rstrip("_")


def _like(value: Tensor, copy: int) -> Tensor:
    """Other numbers for each copy: equal ones might be computed once."""
    generator = torch.Generator().manual_seed(copy)
    drawn = torch.rand(value.shape, generator=generator, dtype=value.dtype)
    return drawn.to(memory_format=torch.channels_last) if _has_layout(drawn) else drawn


def _has_layout(value: Tensor) -> bool:
    """Whether strides show where a picture has its channels: with one pixel, XNNPACK takes channels last for first."""
    return value.dim() == 4 and value.shape[2:] != (1, 1)

"""What the inputs and outputs of a graph are: parameters, buffers, constants, or what callers give and get."""

from __future__ import annotations

from dataclasses import dataclass

from pte_foundry.models.checkpoints.exported.arguments import (
    Argument,
    read_argument,
    read_name,
    written,
)
from pte_foundry.models.checkpoints.exported.fields import (
    Misfit,
    dotted,
    each,
    field,
    flag,
    identifier,
    one_of,
    record,
    shown,
)
from pte_foundry.models.checkpoints.exported.graphs import Graph, Subgraph

_TARGETS = {
    "parameter": "parameter_name",
    "buffer": "buffer_name",
    "tensor_constant": "tensor_constant_name",
}
_MUTATIONS = {
    "buffer_mutation": "buffer_name",
    "parameter_mutation": "parameter_name",
    "user_input_mutation": "user_input_name",
}
_CONSTANT = "constant_input"


@dataclass(frozen=True)
class Input:
    """An input of the graph.

    Attributes:
        kind: as torch's `InputSpec`: `user_input`, `constant_input`, or one of `_TARGETS`.
        argument: of the graph, in its order.
        name: of a constant; else empty.
        target: dotted name of the tensor that it is; empty for what callers give.
        persistent: of a buffer: it is among the weights, not among the constants.
    """

    kind: str
    argument: Argument
    name: str = ""
    target: str = ""
    persistent: bool = True

    def json(self) -> object:
        if self.kind == "user_input":
            return {self.kind: {"arg": self.argument.json()}}
        if self.kind == _CONSTANT:
            return {self.kind: {"name": self.name, "value": self.argument.json()}}
        made = {"arg": written(self.argument.value), _TARGETS[self.kind]: self.target}
        return {
            self.kind: {**made, "persistent": self.persistent} if self.kind == "buffer" else made
        }


@dataclass(frozen=True)
class Output:
    """An output of the graph; `target` of one that is written back: what it is written to."""

    kind: str
    argument: Argument
    target: str = ""

    def json(self) -> object:
        if self.kind == "user_output":
            return {self.kind: {"arg": self.argument.json()}}
        return {
            self.kind: {"arg": written(self.argument.value), _MUTATIONS[self.kind]: self.target}
        }


def read_signature(value: object, graph: Graph) -> tuple[tuple[Input, ...], tuple[Output, ...]]:
    """
    Raises:
        Misfit: if it is none of this graph.
    """
    values = record(value, ("input_specs", "output_specs"))
    scope = _Known(graph)
    inputs = field(values, "input_specs", lambda found: each(found, lambda one: _input(one, scope)))
    outputs = field(
        values, "output_specs", lambda found: each(found, lambda one: _output(one, scope))
    )
    _check_order(graph, inputs, outputs)
    return inputs, outputs


class _Known:
    """The scope of the signature: all values of a graph."""

    def __init__(self, graph: Graph) -> None:
        self._names = graph.names

    def used(self, name: object) -> str:
        known = identifier(name)
        if known not in self._names:
            raise Misfit(f"the value {shown(known)}, which the graph does not have")
        return known

    def graph(self, value: object) -> Subgraph:
        raise Misfit("a graph in the signature")

    def operator(self, target: object) -> str:
        raise Misfit("an operator in the signature", True)


def _input(value: object, scope: _Known) -> Input:
    kind, found = one_of(value)
    try:
        if kind == "user_input":
            values = record(found, ("arg",))
            return Input(kind, field(values, "arg", lambda one: read_argument(one, scope)))
        if kind == _CONSTANT:
            values = record(found, ("name", "value"))
            name = field(values, "name", lambda one: identifier(one) if one != "" else "")
            return Input(kind, field(values, "value", lambda one: read_argument(one, scope)), name)
        if kind not in _TARGETS:
            raise Misfit("an input that is no tensor", kind == "custom_obj")
        buffer = kind == "buffer"
        values = record(found, ("arg", _TARGETS[kind], *(("persistent",) if buffer else ())))
        return Input(
            kind,
            Argument("as_tensor", field(values, "arg", lambda one: read_name(one, scope.used))),
            target=field(values, _TARGETS[kind], dotted),
            persistent=field(values, "persistent", flag) if buffer else True,
        )
    except Misfit as misfit:
        raise misfit.inside(_shown_kind(kind)) from None


def _output(value: object, scope: _Known) -> Output:
    kind, found = one_of(value)
    try:
        if kind == "user_output":
            values = record(found, ("arg",))
            return Output(kind, field(values, "arg", lambda one: read_argument(one, scope)))
        if kind not in _MUTATIONS:
            raise Misfit("an output of another kind than a model's. Export the model for inference")
        values = record(found, ("arg", _MUTATIONS[kind]))
        read = identifier if kind == "user_input_mutation" else dotted
        return Output(
            kind,
            Argument("as_tensor", field(values, "arg", lambda one: read_name(one, scope.used))),
            field(values, _MUTATIONS[kind], read),
        )
    except Misfit as misfit:
        raise misfit.inside(_shown_kind(kind)) from None


def _shown_kind(kind: object) -> str:
    """A key of the file as part of a place."""
    return str(kind) if str(kind).isidentifier() and str(kind).isascii() else shown(kind)


def _check_order(graph: Graph, inputs: tuple[Input, ...], outputs: tuple[Output, ...]) -> None:
    """The signature is of this graph, and writes back only to what it has."""
    for name, ours, theirs in (("input", inputs, graph.inputs), ("output", outputs, graph.outputs)):
        listed = [one.argument for one in ours]
        if listed != list(theirs):
            where = next(
                (i for i, pair in enumerate(zip(listed, theirs)) if pair[0] != pair[1]), None
            )
            place = f"{name}_specs" if where is None else f"{name}_specs[{where}]"
            raise Misfit(f"another {name} than the graph has").inside(place)
    names = [one.name for one in inputs if one.name]
    targets = {one.target for one in inputs if one.target}
    tensors = {name for one in inputs if not one.target for name in _names(one.argument)}
    if len(set(names)) != len(names) or set(names) & graph.names:
        raise Misfit("a name for two inputs").inside("input_specs")
    for one in outputs:
        known = tensors if one.kind == "user_input_mutation" else targets
        if one.target and one.target not in known:
            raise Misfit(f"the target {shown(one.target)}, which is no input").inside(
                "output_specs"
            )


def _names(argument: Argument) -> list[str]:
    name = getattr(argument.value, "name", getattr(argument.value, "value", None))
    return [name] if isinstance(name, str) else []

"""An exported program: its graph, what its inputs and outputs are, and how callers nest them."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

import torch

from pte_foundry.checkpoints.exported.arguments import Argument, read_argument, read_name, written
from pte_foundry.checkpoints.exported.fields import (
    Misfit,
    dotted,
    each,
    field,
    flag,
    identifier,
    integer,
    is_whole,
    one_of,
    record,
    shown,
    table,
    text,
)
from pte_foundry.checkpoints.exported.graphs import Graph, Subgraph, read_graph
from pte_foundry.checkpoints.exported.sizes import ranged
from pte_foundry.checkpoints.exported.trees import Tree, parse_tree

_SCHEMA = 8
_DIALECTS = ("ATEN", "TRAINING")
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


@dataclass(frozen=True)
class Program:
    """Attributes:
    inputs, outputs: of the graph, in its order.
    in_tree, out_tree: how callers nest what they give and get.
    names: of the parameters of `forward`; None in files of old versions.
    ranges: text of a size -> its least and greatest value.
    dialect: which of torch's checks the graph passes.
    """

    graph: Graph
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    in_tree: Tree
    out_tree: Tree
    names: tuple[str, ...] | None
    ranges: dict[str, tuple[int | None, int | None]]
    dialect: str

    def json(self) -> object:
        """What torch's loader reads: without metadata, guards and names of submodules, which it runs or keeps."""
        call = {
            "inputs": [],
            "outputs": [],
            "in_spec": self.in_tree.spec(),
            "out_spec": self.out_tree.spec(),
            "forward_arg_names": None if self.names is None else list(self.names),
        }
        signature = {
            "input_specs": [one.json() for one in self.inputs],
            "output_specs": [one.json() for one in self.outputs],
        }
        ranges = {
            name: {"min_val": least, "max_val": greatest}
            for name, (least, greatest) in self.ranges.items()
        }
        return {
            "graph_module": {
                "graph": self.graph.json(),
                "signature": signature,
                "module_call_graph": [{"fqn": "", "signature": call}],
                "metadata": {},
                "treespec_namedtuple_fields": {},
            },
            "opset_version": {"aten": torch._C._get_max_operator_version()},
            "range_constraints": ranges,
            "schema_version": {"major": _SCHEMA, "minor": 0},
            "verifiers": [self.dialect],
            "torch_version": torch.__version__,
            "guards_code": [],
        }


def read_program(value: object, imported: Set[str] = frozenset()) -> Program:
    """
    Args:
        imported: names of the operators that the target's `imports` registered.

    Raises:
        Misfit: if it is no program of torch.export, naming the place.
    """
    needed = ("graph_module", "opset_version", "range_constraints", "schema_version")
    values = record(value, needed, ("verifiers", "torch_version", "guards_code"))
    field(values, "schema_version", _check_version)
    dialect = field(values, "verifiers", _dialect) if "verifiers" in values else _DIALECTS[0]
    module = field(
        values,
        "graph_module",
        lambda one: record(
            one,
            ("graph", "signature", "module_call_graph"),
            ("metadata", "treespec_namedtuple_fields"),
        ),
    )
    ranges = field(values, "range_constraints", lambda one: table(one, ranged, _range))
    try:
        return _program(module, ranges, dialect, imported)
    except Misfit as misfit:
        raise misfit.inside("graph_module") from None


def _program(
    module: dict[str, object],
    ranges: dict[str, tuple[int | None, int | None]],
    dialect: str,
    imported: Set[str],
) -> Program:
    graph = field(module, "graph", lambda one: read_graph(one, imported))
    scope = _Known(graph)
    signature = field(module, "signature", lambda one: record(one, ("input_specs", "output_specs")))
    try:
        inputs = field(
            signature, "input_specs", lambda found: each(found, lambda one: _input(one, scope))
        )
        outputs = field(
            signature, "output_specs", lambda found: each(found, lambda one: _output(one, scope))
        )
        _check_order(graph, inputs, outputs)
    except Misfit as misfit:
        raise misfit.inside("signature") from None
    in_tree, out_tree, names = field(module, "module_call_graph", _call)
    given = sum(not one.target for one in inputs)
    taken = sum(not one.target for one in outputs)
    if (in_tree.leaves, out_tree.leaves) != (given, taken):
        raise Misfit(
            f"{in_tree.leaves} inputs and {out_tree.leaves} outputs where the signature has {given} and {taken}"
        ).inside("module_call_graph")
    return Program(graph, inputs, outputs, in_tree, out_tree, names, ranges, dialect)


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
        raise misfit.inside(shown_kind(kind)) from None


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
        raise misfit.inside(shown_kind(kind)) from None


def shown_kind(kind: object) -> str:
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


def _call(value: object) -> tuple[Tree, Tree, tuple[str, ...] | None]:
    """The nesting of the whole model's inputs and outputs; submodules' are not kept."""
    if not isinstance(value, list) or not value:
        raise Misfit(f"{shown(value)} where a list belongs")
    try:
        entry = record(value[0], ("fqn", "signature"))
        if entry["fqn"] != "":
            raise Misfit(f"{shown(entry['fqn'])} where the whole model belongs").inside("fqn")
        return field(entry, "signature", _nesting)
    except Misfit as misfit:
        raise misfit.inside("[0]") from None


def _nesting(value: object) -> tuple[Tree, Tree, tuple[str, ...] | None]:
    values = record(value, ("inputs", "outputs", "in_spec", "out_spec"), ("forward_arg_names",))
    given = field(values, "in_spec", _in_tree)
    taken = field(values, "out_spec", parse_tree)
    names = None
    if values.get("forward_arg_names") is not None:
        names = field(values, "forward_arg_names", lambda found: each(found, identifier))
    if names is not None and len(set(names)) != len(names):
        raise Misfit("a name twice").inside("forward_arg_names")
    return given, taken, names


def _in_tree(value: object) -> Tree:
    """A tuple of arguments and a dict of arguments by name, which become Python source."""
    tree = parse_tree(value)
    kinds = [child.kind for child in tree.children]
    if tree.kind != "builtins.tuple" or kinds != ["builtins.tuple", "builtins.dict"]:
        raise Misfit("inputs that are no tuple and dict of arguments")
    keys = tree.children[1].keys
    for key in keys if isinstance(keys, tuple) else ():
        identifier(key)
    return tree


def _check_version(value: object) -> None:
    values = record(value, ("major", "minor"))
    if values["major"] != _SCHEMA or not is_whole(values["minor"]):
        raise Misfit(
            f"version {shown(values['major'])} of the format, and this torch reads {_SCHEMA}. Save it with "
            f"torch {torch.__version__.split('+')[0]}"
        )


def _dialect(value: object) -> str:
    found = each(value, text)
    if len(found) != 1 or found[0] not in _DIALECTS:
        raise Misfit(f"{shown(list(found))} where one of {', '.join(_DIALECTS)} belongs")
    return found[0]


def _range(value: object) -> tuple[int | None, int | None]:
    values = record(value, ("min_val", "max_val"))
    least, greatest = (
        None if values[key] is None else field(values, key, integer)
        for key in ("min_val", "max_val")
    )
    if least is not None and greatest is not None and least > greatest:
        raise Misfit(f"a range from {least} to {greatest}")
    return least, greatest

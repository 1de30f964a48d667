"""Graphs: calls of operators, in order, each of values that were defined before."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

from pte_foundry.models.checkpoints.exported.arguments import Argument, read_argument
from pte_foundry.models.checkpoints.exported.calls import (
    BY_NAME,
    BY_PLACE,
    CONSTANTS,
    SYMBOLS,
    Call,
    Passed,
    check_passed,
    identifier_of_schema,
)
from pte_foundry.models.checkpoints.exported.fields import (
    Misfit,
    each,
    field,
    flag,
    identifier,
    integer,
    number,
    one_of,
    record,
    shown,
    table,
    text,
)
from pte_foundry.models.checkpoints.exported.operators import find_operator
from pte_foundry.models.checkpoints.exported.tensors import (
    SavedTensor,
    Size,
    Symbolic,
    read_size,
    read_symbolic,
    read_tensor,
    written_size,
)

_DEEPEST = 8
_INPUTS = ("as_tensor", "as_sym_int", "as_string", *CONSTANTS, "as_none")
_OUTPUTS = ("as_tensor", *SYMBOLS, *CONSTANTS, "as_none")
_RESULTS = ("as_tensor", "as_tensors", "as_none", *SYMBOLS)


@dataclass(frozen=True)
class Graph:
    """Attributes: as torch's `Graph`; `single`: it returns one tensor and no tuple."""

    inputs: tuple[Argument, ...]
    outputs: tuple[Argument, ...]
    calls: tuple[Call, ...]
    tensors: dict[str, SavedTensor]
    ints: dict[str, Size]
    floats: dict[str, float | Symbolic]
    bools: dict[str, bool | Symbolic]
    single: bool

    def json(self) -> object:
        return {
            "inputs": [one.json() for one in self.inputs],
            "outputs": [one.json() for one in self.outputs],
            "nodes": [one.json() for one in self.calls],
            "tensor_values": {name: one.json() for name, one in self.tensors.items()},
            "sym_int_values": {name: written_size(one) for name, one in self.ints.items()},
            "sym_float_values": {name: _written(one) for name, one in self.floats.items()},
            "sym_bool_values": {name: _written(one) for name, one in self.bools.items()},
            "custom_obj_values": {},
            "is_single_tensor_return": self.single,
        }

    @property
    def names(self) -> Set[str]:
        """The values that have a type."""
        return self.tensors.keys() | self.ints.keys() | self.floats.keys() | self.bools.keys()


@dataclass(frozen=True)
class Subgraph:
    """A graph that an operator calls, e.g. a branch."""

    name: str
    graph: Graph

    def json(self) -> object:
        return {"name": self.name, "graph": self.graph.json()}


def read_graph(value: object, imported: Set[str] = frozenset(), depth: int = 0) -> Graph:
    """
    Args:
        imported: names of the operators that the target's `imports` registered.

    Raises:
        Misfit: if it is no graph of torch.export, naming the place.
    """
    lists = ("inputs", "outputs", "nodes")
    types = ("tensor_values", "sym_int_values", "sym_bool_values", "sym_float_values")
    values = record(
        value, (*lists, *types[:3]), (types[3], "custom_obj_values", "is_single_tensor_return")
    )
    if depth > _DEEPEST:
        raise Misfit("graphs that are nested too deep")
    if values.get("custom_obj_values"):
        raise Misfit("an object, which is no tensor", True).inside("custom_obj_values")
    values.setdefault(types[3], {})
    reader = _Reader(
        field(values, types[0], lambda found: table(found, identifier, read_tensor)),
        field(values, types[1], lambda found: table(found, identifier, read_size)),
        field(values, types[2], lambda found: table(found, identifier, _read_bool)),
        field(values, types[3], lambda found: table(found, identifier, _read_float)),
        imported,
        depth,
    )
    return reader.graph_of(values)


class _Reader:
    """One graph while it is read: the `Scope` of its arguments."""

    def __init__(
        self,
        tensors: dict[str, SavedTensor],
        ints: dict[str, Size],
        bools: dict[str, bool | Symbolic],
        floats: dict[str, float | Symbolic],
        imported: Set[str],
        depth: int,
    ) -> None:
        self._types: dict[str, dict[str, Any]] = {
            "as_tensor": tensors,
            "as_sym_int": ints,
            "as_sym_bool": bools,
            "as_sym_float": floats,
        }
        self._imported = imported
        self._depth = depth
        self._defined: dict[str, Graph | None] = {}
        self._calling = False

    def graph_of(self, values: dict[str, Any]) -> Graph:
        inputs = field(values, "inputs", lambda found: each(found, self._input))
        calls = field(values, "nodes", lambda found: each(found, self._call))
        outputs = field(values, "outputs", lambda found: each(found, self._output))
        kept = {
            kind: {name: one for name, one in types.items() if name in self._defined}
            for kind, types in self._types.items()
        }
        single = flag(values.get("is_single_tensor_return", False))
        if single and [one.kind for one in outputs] != ["as_tensor"]:
            raise Misfit(f"{len(outputs)} outputs where one tensor belongs").inside("outputs")
        return Graph(
            inputs,
            outputs,
            calls,
            kept["as_tensor"],
            kept["as_sym_int"],
            kept["as_sym_float"],
            kept["as_sym_bool"],
            single,
        )

    def used(self, name: object) -> str:
        known = identifier(name)
        if known not in self._defined:
            raise Misfit(f"the value {shown(known)}, which nothing before it defines")
        return known

    def graph(self, value: object) -> Subgraph:
        values = record(value, ("name", "graph"))
        name = field(values, "name", identifier)
        made = field(
            values, "graph", lambda found: read_graph(found, self._imported, self._depth + 1)
        )
        if self._defined.setdefault(name, made) != made:
            raise Misfit(f"the name {shown(name)} for two things")
        return Subgraph(name, made)

    def operator(self, target: object) -> str:
        if not self._calling:
            raise Misfit(f"the operator {shown(target)} as an argument", True)
        found = find_operator(text(target), self._imported)
        if found.kind != "operator":
            raise Misfit(f"the operator {shown(target)} as an argument", True)
        return found.target

    def _define(self, name: object, kind: str) -> str:
        known = identifier(name)
        if known in self._defined:
            raise Misfit(f"the name {shown(known)} for two things")
        if known not in self._types[kind]:
            raise Misfit(f"the value {shown(known)}, whose type the graph does not have")
        self._defined[known] = None
        return known

    def _definition(self, value: object, kinds: tuple[str, ...]) -> Argument:
        """A result or an input: its names are new ones."""
        kind, found = one_of(value)
        if kind == "as_custom_obj":
            raise Misfit("an object, which is no tensor", True)
        if kind not in kinds:
            raise Misfit(f"{shown(kind)} where a value belongs")
        return read_argument({kind: found}, _Definitions(self, kind))

    def _input(self, value: object) -> Argument:
        return self._definition(value, _INPUTS)

    def _output(self, value: object) -> Argument:
        kind, _ = one_of(value)
        if kind not in _OUTPUTS:
            raise Misfit(f"{shown(kind)} as an output")
        return read_argument(value, self)

    def _call(self, value: object) -> Call:
        needed = ("target", "inputs", "outputs", "metadata")
        values = record(value, needed, ("is_hop_single_tensor_return", "name"))
        operator = field(values, "target", lambda found: find_operator(text(found), self._imported))
        self._calling = operator.kind == "calling"
        inputs = field(values, "inputs", lambda found: each(found, self._passed))
        self._calling = False
        check_passed(operator, inputs)
        outputs = field(
            values,
            "outputs",
            lambda found: each(found, lambda one: self._definition(one, _RESULTS)),
        )
        if operator.results not in (None, len(outputs)):
            raise Misfit(f"{len(outputs)} results of a call that has {operator.results}")
        if operator.kind == "symbolic" and outputs[0].kind not in SYMBOLS:
            raise Misfit(f"{outputs[0].kind} as the result of arithmetic")
        single, name = values.get("is_hop_single_tensor_return"), values.get("name")
        if name is not None:
            name = field(values, "name", identifier)
            known = [one for one in outputs if one.kind == "as_tensor" or one.kind in SYMBOLS]
            if name in self._defined and not any(_defines(one, name) for one in known):
                raise Misfit(f"the name {shown(name)} for two things").inside("name")
            self._defined.setdefault(name, None)
        return Call(operator, inputs, outputs, None if single is None else flag(single), name)

    def _passed(self, value: object) -> Passed:
        values = record(value, ("name", "arg"), ("kind",))
        name = values["name"]
        if name != "":
            name = field(values, "name", identifier_of_schema)
        kind = values.get("kind")
        argument = field(values, "arg", lambda found: read_argument(found, self))
        return Passed(name, argument, None if kind is None else integer(kind, BY_PLACE, BY_NAME))


class _Definitions:
    """The scope of what a call returns: each name is new."""

    def __init__(self, reader: _Reader, kind: str) -> None:
        self._reader = reader
        self._kind = "as_tensor" if kind == "as_tensors" else kind

    def used(self, name: object) -> str:
        return self._reader._define(name, self._kind)

    def graph(self, value: object) -> Subgraph:
        raise Misfit("a graph as a result")

    def operator(self, target: object) -> str:
        raise Misfit("an operator as a result", True)


def _defines(argument: Argument, name: str) -> bool:
    value = argument.value
    return name == getattr(value, "name", getattr(value, "value", None))


def _read_bool(value: object) -> bool | Symbolic:
    kind, found = one_of(value)
    return flag(found) if kind == "as_bool" else read_symbolic(kind, found)


def _read_float(value: object) -> float | Symbolic:
    kind, found = one_of(value)
    return number(found) if kind == "as_float" else read_symbolic(kind, found)


def _written(value: float | bool | Symbolic) -> object:
    if isinstance(value, Symbolic):
        return value.json()
    return Argument("as_bool" if isinstance(value, bool) else "as_float", value).json()

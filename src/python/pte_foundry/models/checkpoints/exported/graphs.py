"""Graphs: calls of operators, in order, each of values that were defined before."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import Any

from pte_foundry.models.checkpoints.exported.arguments import kind_of, name_in, read_argument
from pte_foundry.models.checkpoints.exported.fields import (
    Json,
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
from pte_foundry.models.checkpoints.exported.operators import (
    BY_NAME,
    BY_PLACE,
    CONSTANTS,
    SYMBOLS,
    argument_name,
    check_passed,
    find_operator,
)
from pte_foundry.models.checkpoints.exported.tensors import read_size, read_symbolic, read_tensor

_DEEPEST = 8
_INPUTS = ("as_tensor", "as_sym_int", "as_string", *CONSTANTS, "as_none")
_OUTPUTS = ("as_tensor", *SYMBOLS, *CONSTANTS, "as_none")
_RESULTS = ("as_tensor", "as_tensors", "as_none", *SYMBOLS)


def read_graph(value: object, imported: Set[str] = frozenset(), depth: int = 0) -> Json:
    """torch's `Graph`, without the metadata of its calls, which programs do not depend on.

    Args:
        imported: names of the operators that the target's `imports` registered.

    Raises:
        Misfit: if it is not a graph of torch.export, naming the place.
    """
    needed = ("inputs", "outputs", "nodes", "tensor_values", "sym_int_values", "sym_bool_values")
    optional = ("sym_float_values", "custom_obj_values", "is_single_tensor_return")
    values = record(value, needed, optional)
    if depth > _DEEPEST:
        raise Misfit("graphs that are nested too deep")
    if values.get("custom_obj_values"):
        raise Misfit("an object, which is not a tensor", True).inside("custom_obj_values")
    values.setdefault("sym_float_values", {})
    types = {
        kind: field(values, key, lambda found, read=read: table(found, identifier, read))
        for kind, (key, read) in _TYPES.items()
    }
    return _Reader(types, imported, depth).graph_of(values)


def names_of(graph: Json) -> set[str]:
    """The values of a graph that have a type."""
    return {name for key, _ in _TYPES.values() for name in graph[key]}


class _Reader:
    """One graph while it is read: the `Scope` of its arguments."""

    def __init__(self, types: dict[str, Json], imported: Set[str], depth: int) -> None:
        self._types = types
        self._imported = imported
        self._depth = depth
        self._defined: dict[str, Json | None] = {}
        self._calling = False

    def graph_of(self, values: Json) -> Json:
        inputs = field(values, "inputs", lambda found: each(found, self._input))
        calls = field(values, "nodes", lambda found: each(found, self._call))
        outputs = field(values, "outputs", lambda found: each(found, self._output))
        single = flag(values.get("is_single_tensor_return", False))
        if single and [kind_of(one) for one in outputs] != ["as_tensor"]:
            raise Misfit(f"{len(outputs)} outputs where one tensor belongs").inside("outputs")
        kept = {
            key: {name: one for name, one in self._types[kind].items() if name in self._defined}
            for kind, (key, _) in _TYPES.items()
        }
        return {
            "inputs": inputs,
            "outputs": outputs,
            "nodes": calls,
            **kept,
            "custom_obj_values": {},
            "is_single_tensor_return": single,
        }

    def used(self, name: object) -> str:
        known = identifier(name)
        if known not in self._defined:
            raise Misfit(f"the value {shown(known)}, which nothing before it defines")
        return known

    def graph(self, value: object) -> Json:
        values = record(value, ("name", "graph"))
        name = field(values, "name", identifier)
        made = field(
            values, "graph", lambda found: read_graph(found, self._imported, self._depth + 1)
        )
        if self._defined.setdefault(name, made) != made:
            raise Misfit(f"the name {shown(name)} for two things")
        return {"name": name, "graph": made}

    def operator(self, target: object) -> str:
        if not self._calling:
            raise Misfit(f"the operator {shown(target)} as an argument", True)
        found = find_operator(text(target), self._imported)
        if found.kind != "operator":
            raise Misfit(f"the operator {shown(target)} as an argument", True)
        return found.target

    def define(self, name: object, kind: str) -> str:
        known = identifier(name)
        if known in self._defined:
            raise Misfit(f"the name {shown(known)} for two things")
        if known not in self._types[kind]:
            raise Misfit(f"the value {shown(known)}, whose type the graph does not have")
        self._defined[known] = None
        return known

    def _definition(self, value: object, kinds: tuple[str, ...]) -> Json:
        """A result or an input: its names are new ones."""
        kind, found = one_of(value)
        if kind == "as_custom_obj":
            raise Misfit("an object, which is not a tensor", True)
        if kind not in kinds:
            raise Misfit(f"{shown(kind)} where a value belongs")
        return read_argument({kind: found}, _Definitions(self, kind))

    def _input(self, value: object) -> Json:
        return self._definition(value, _INPUTS)

    def _result(self, value: object) -> Json:
        return self._definition(value, _RESULTS)

    def _output(self, value: object) -> Json:
        kind, _ = one_of(value)
        if kind not in _OUTPUTS:
            raise Misfit(f"{shown(kind)} as an output")
        return read_argument(value, self)

    def _call(self, value: object) -> Json:
        needed = ("target", "inputs", "outputs", "metadata")
        values = record(value, needed, ("is_hop_single_tensor_return", "name"))
        operator = field(values, "target", lambda found: find_operator(text(found), self._imported))
        self._calling = operator.kind == "calling"
        inputs = field(values, "inputs", lambda found: each(found, self._passed))
        self._calling = False
        check_passed(operator, inputs)
        outputs = field(values, "outputs", lambda found: each(found, self._result))
        if operator.results not in (None, len(outputs)):
            raise Misfit(f"{len(outputs)} results of a call that has {operator.results}")
        if operator.kind == "symbolic" and kind_of(outputs[0]) not in SYMBOLS:
            raise Misfit(f"{kind_of(outputs[0])} as the result of arithmetic")
        single, name = values.get("is_hop_single_tensor_return"), values.get("name")
        if name is not None:
            name = field(values, "name", identifier)
            if name in self._defined and name not in map(name_in, outputs):
                raise Misfit(f"the name {shown(name)} for two things").inside("name")
            self._defined.setdefault(name, None)
        return {
            "target": operator.target,
            "inputs": inputs,
            "outputs": outputs,
            "metadata": {},
            "is_hop_single_tensor_return": None if single is None else flag(single),
            "name": name,
        }

    def _passed(self, value: object) -> Json:
        values = record(value, ("name", "arg"), ("kind",))
        name, kind = values["name"], values.get("kind")
        return {
            "name": name if name == "" else field(values, "name", argument_name),
            "arg": field(values, "arg", lambda found: read_argument(found, self)),
            "kind": None if kind is None else integer(kind, BY_PLACE, BY_NAME),
        }


class _Definitions:
    """The scope of what a call returns: each name is new."""

    def __init__(self, reader: _Reader, kind: str) -> None:
        self._reader = reader
        self._kind = "as_tensor" if kind == "as_tensors" else kind

    def used(self, name: object) -> str:
        return self._reader.define(name, self._kind)

    def graph(self, value: object) -> Json:
        raise Misfit("a graph as a result")

    def operator(self, target: object) -> str:
        raise Misfit("an operator as a result", True)


def _read_bool(value: object) -> Json:
    kind, found = one_of(value)
    return {kind: flag(found)} if kind == "as_bool" else read_symbolic(kind, found)


def _read_float(value: object) -> Json:
    kind, found = one_of(value)
    return {kind: number(found)} if kind == "as_float" else read_symbolic(kind, found)


# Kind of a value -> where a graph has the types of such values, and how one is read.
_TYPES: dict[str, tuple[str, Callable[[Any], Json]]] = {
    "as_tensor": ("tensor_values", read_tensor),
    "as_sym_int": ("sym_int_values", read_size),
    "as_sym_bool": ("sym_bool_values", _read_bool),
    "as_sym_float": ("sym_float_values", _read_float),
}

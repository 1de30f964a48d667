"""What the inputs and outputs of a graph are: parameters, buffers, constants, or what callers give and get."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pte_foundry.models.checkpoints.exported.arguments import name_in, read_argument, read_name
from pte_foundry.models.checkpoints.exported.fields import (
    Json,
    Misfit,
    dotted,
    each,
    field,
    flag,
    identifier,
    inside,
    one_of,
    record,
    shown,
)
from pte_foundry.models.checkpoints.exported.graphs import names_of

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


def read_signature(value: object, graph: Json) -> Json:
    """torch's `InputSpec`s and `OutputSpec`s of a graph, in its order.

    Raises:
        Misfit: if it is not this graph's signature.
    """
    values = record(value, ("input_specs", "output_specs"))
    scope = _Known(names_of(graph))
    read: dict[str, Callable[[str, object], Json]] = {
        "input_specs": lambda kind, found: _input(kind, found, scope),
        "output_specs": lambda kind, found: _output(kind, found, scope),
    }
    made = {
        key: field(values, key, lambda found, one=one: each(found, lambda spec: _spec(spec, one)))
        for key, one in read.items()
    }
    _check_order(graph, made["input_specs"], made["output_specs"])
    return made


def target_of(spec: Json) -> str:
    """Dotted name of the tensor that an input is, or what an output is written to; empty for what callers give
    and get."""
    kind, values = one_of(spec)
    target: str = values.get({**_TARGETS, **_MUTATIONS}.get(kind), "")
    return target


class _Known:
    """The scope of the signature: all values of a graph."""

    def __init__(self, names: set[str]) -> None:
        self._names = names

    def used(self, name: object) -> str:
        known = identifier(name)
        if known not in self._names:
            raise Misfit(f"the value {shown(known)}, which the graph does not have")
        return known

    def graph(self, value: object) -> Json:
        raise Misfit("a graph in the signature")

    def operator(self, target: object) -> str:
        raise Misfit("an operator in the signature", True)


def _spec(value: object, read: Callable[[str, object], Json]) -> Json:
    kind, found = one_of(value)
    with inside(kind if kind.isidentifier() and kind.isascii() else shown(kind)):
        return {kind: read(kind, found)}


def _input(kind: str, found: object, scope: _Known) -> Json:
    if kind == "user_input":
        return _argument(record(found, ("arg",)), "arg", scope)
    if kind == _CONSTANT:
        values = record(found, ("name", "value"))
        name = field(values, "name", lambda one: identifier(one) if one != "" else "")
        return {"name": name, **_argument(values, "value", scope)}
    if kind not in _TARGETS:
        raise Misfit("an input that is not a tensor", kind == "custom_obj")
    more = ("persistent",) if kind == "buffer" else ()
    values = record(found, ("arg", _TARGETS[kind], *more))
    return {
        **_tensor(values, _TARGETS[kind], dotted, scope),
        **{key: field(values, key, flag) for key in more},
    }


def _output(kind: str, found: object, scope: _Known) -> Json:
    if kind == "user_output":
        return _argument(record(found, ("arg",)), "arg", scope)
    if kind not in _MUTATIONS:
        raise Misfit("an output of another kind than a model's. Export the model for inference")
    read = identifier if kind == "user_input_mutation" else dotted
    return _tensor(record(found, ("arg", _MUTATIONS[kind])), _MUTATIONS[kind], read, scope)


def _argument(values: Json, key: str, scope: _Known) -> Json:
    return {key: field(values, key, lambda one: read_argument(one, scope))}


def _tensor(values: Json, key: str, read: Callable[[object], str], scope: _Known) -> Json:
    """A tensor of the graph, and under `key` what it is outside of it."""
    argument = field(values, "arg", lambda one: read_name(one, scope.used))
    return {"arg": argument, key: field(values, key, read)}


def _value(spec: Json) -> Json:
    """The argument of the graph that a spec is about."""
    kind, values = one_of(spec)
    argument: Json = values["value"] if kind == _CONSTANT else values["arg"]
    return {"as_tensor": argument} if kind in _TARGETS or kind in _MUTATIONS else argument


def _check_order(graph: Json, inputs: Sequence[Json], outputs: Sequence[Json]) -> None:
    """The signature is of this graph, and writes back only to what it has."""
    for name, specs in (("input", inputs), ("output", outputs)):
        ours, theirs = [_value(spec) for spec in specs], graph[f"{name}s"]
        if ours != theirs:
            where = next(
                (i for i, pair in enumerate(zip(ours, theirs)) if pair[0] != pair[1]), None
            )
            place = f"{name}_specs" if where is None else f"{name}_specs[{where}]"
            raise Misfit(f"another {name} than the graph has").inside(place)
    constants = (one[_CONSTANT]["name"] for one in inputs if _CONSTANT in one)
    names = [name for name in constants if name]
    targets = {target for one in inputs if (target := target_of(one))}
    given = {name_in(_value(one)) for one in inputs if not target_of(one)}
    if len(set(names)) != len(names) or set(names) & names_of(graph):
        raise Misfit("a name for two inputs").inside("input_specs")
    for one in outputs:
        target = target_of(one)
        if target and target not in (given if "user_input_mutation" in one else targets):
            raise Misfit(f"the target {shown(target)}, which is not an input").inside(
                "output_specs"
            )

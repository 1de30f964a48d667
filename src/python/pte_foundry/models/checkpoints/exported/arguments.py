"""Arguments and results of calls, by the kinds that torch writes (torch/_export/serde/schema.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from pte_foundry.models.checkpoints.exported.fields import (
    Json,
    Misfit,
    each,
    field,
    flag,
    integer,
    none,
    number,
    one_of,
    record,
    shown,
    table,
    text,
)
from pte_foundry.models.checkpoints.exported.tensors import read_device, read_dtype

_DEEPEST = 8


class Scope(Protocol):
    """The graph that an argument belongs to."""

    def used(self, name: object) -> str:
        """A name that the graph has defined before."""

    def graph(self, value: object) -> Json:
        """A graph that an operator calls."""

    def operator(self, target: object) -> str:
        """An operator that another one calls."""


def read_argument(value: object, scope: Scope, depth: int = 0) -> Json:
    """A value by its kind, e.g. `{"as_ints": [1, 2]}`."""
    kind, found = one_of(value)
    read = _KINDS.get(kind)
    if kind == "as_string_to_argument" and depth < _DEEPEST:
        return {kind: table(found, text, lambda one: read_argument(one, scope, depth + 1))}
    if read is None:
        raise Misfit(f"an argument {shown(kind)}", True)
    try:
        return {kind: read(found, scope)}
    except Misfit as misfit:
        raise misfit.inside(kind) from None


def read_name(value: object, read: Callable[[object], str]) -> Json:
    return {"name": field(record(value, ("name",)), "name", read)}


def kind_of(argument: Json) -> str:
    (kind,) = argument
    return kind


def name_in(argument: Json) -> str | None:
    """The value of the graph that a tensor or a size refers to; None for anything else."""
    (value,) = argument.values()
    name = value.get("name", value.get("as_name")) if isinstance(value, dict) else None
    return name if isinstance(name, str) else None


_Read = Callable[[Any, Scope], object]


def _plain(read: Callable[[object], object]) -> _Read:
    return lambda value, scope: read(value)


def _list(read: _Read) -> _Read:
    return lambda values, scope: each(values, lambda one: read(one, scope))


def _tensor(value: object, scope: Scope) -> Json:
    return read_name(value, scope.used)


def _optional_tensor(value: object, scope: Scope) -> Json:
    kind, found = one_of(value)
    if kind == "as_tensor":
        return {kind: _tensor(found, scope)}
    if kind == "as_none":
        return {kind: none(found)}
    raise Misfit(f"{shown(kind)} where a tensor or nothing belongs")


def _symbolic(constant: str, read: Callable[[object], object]) -> _Read:
    def either(value: object, scope: Scope) -> Json:
        kind, found = one_of(value)
        if kind == "as_name":
            return {kind: scope.used(found)}
        if kind == constant:
            return {kind: read(found)}
        raise Misfit(f"{shown(kind)} where a size belongs")

    return either


def _complex(value: object) -> Json:
    parts = ("real", "imag")
    values = record(value, parts)
    return {part: field(values, part, number) for part in parts}


_INT, _FLOAT, _BOOL = _plain(integer), _plain(number), _plain(flag)
_SYM_INT = _symbolic("as_int", integer)
_SYM_FLOAT = _symbolic("as_float", number)
_SYM_BOOL = _symbolic("as_bool", flag)
_KINDS: dict[str, _Read] = {
    "as_none": _plain(none),
    "as_tensor": _tensor,
    "as_tensors": _list(_tensor),
    "as_nested_tensors": _list(_list(_tensor)),
    "as_optional_tensor": _optional_tensor,
    "as_optional_tensors": _list(_optional_tensor),
    "as_int": _INT,
    "as_ints": _list(_INT),
    "as_int_lists": _list(_list(_INT)),
    "as_float": _FLOAT,
    "as_floats": _list(_FLOAT),
    "as_float_lists": _list(_list(_FLOAT)),
    "as_bool": _BOOL,
    "as_bools": _list(_BOOL),
    "as_string": _plain(text),
    "as_strings": _list(_plain(text)),
    "as_complex": _plain(_complex),
    "as_sym_int": _SYM_INT,
    "as_sym_ints": _list(_SYM_INT),
    "as_sym_float": _SYM_FLOAT,
    "as_sym_floats": _list(_SYM_FLOAT),
    "as_sym_bool": _SYM_BOOL,
    "as_sym_bools": _list(_SYM_BOOL),
    "as_scalar_type": _plain(read_dtype),
    "as_memory_format": _plain(lambda value: integer(value, 1, 4)),
    "as_layout": _plain(lambda value: integer(value, 7, 7)),
    "as_device": _plain(read_device),
    "as_graph": lambda value, scope: scope.graph(value),
    "as_operator": lambda value, scope: scope.operator(value),
}

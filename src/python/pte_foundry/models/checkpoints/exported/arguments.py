"""Arguments and results of calls, by the kinds that torch writes (torch/_export/serde/schema.py)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, Union

from pte_foundry.models.checkpoints.exported.fields import (
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


@dataclass(frozen=True)
class Name:
    """A value of the graph."""

    name: str

    def json(self) -> object:
        return {"name": self.name}


@dataclass(frozen=True)
class Argument:
    """A value with its kind, e.g. `as_ints`. None stands for `as_none`."""

    kind: str
    value: Value

    def json(self) -> object:
        return {self.kind: True if self.value is None else written(self.value)}


@dataclass(frozen=True)
class Device:
    """The CPU."""

    def json(self) -> object:
        return {"type": "cpu", "index": None}


@dataclass(frozen=True)
class Complex:
    real: float
    imag: float

    def json(self) -> object:
        return {"real": written(self.real), "imag": written(self.imag)}


@dataclass(frozen=True)
class Mapping:
    """Arguments by name."""

    items: tuple[tuple[str, Argument], ...]

    def json(self) -> object:
        return {key: value.json() for key, value in self.items}


class ArgumentRecord(Protocol):
    """Anything that can be written again."""

    def json(self) -> object: ...


Value = Union[None, bool, int, float, str, tuple[Any, ...], ArgumentRecord]


class Scope(Protocol):
    """The graph that an argument belongs to."""

    def used(self, name: object) -> str:
        """A name that the graph has defined before."""

    def graph(self, value: object) -> ArgumentRecord:
        """A graph that an operator calls."""

    def operator(self, target: object) -> str:
        """An operator that another one calls."""


def written(value: Value) -> object:
    """JSON of a value; torch has texts for the floats that JSON does not have."""
    if isinstance(value, tuple):
        return [written(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return value.json()


def read_argument(value: object, scope: Scope, depth: int = 0) -> Argument:
    kind, found = one_of(value)
    read = _KINDS.get(kind)
    if kind == "as_string_to_argument" and depth < _DEEPEST:
        return Argument(kind, _mapping(found, scope, depth))
    if read is None:
        raise Misfit(f"an argument {shown(kind)}", True)
    try:
        return Argument(kind, read(found, scope))
    except Misfit as misfit:
        raise misfit.inside(kind) from None


def read_name(value: object, read: Callable[[object], str]) -> Name:
    return Name(field(record(value, ("name",)), "name", read))


def _mapping(value: object, scope: Scope, depth: int) -> Mapping:
    found = table(value, text, lambda one: read_argument(one, scope, depth + 1))
    return Mapping(tuple(found.items()))


def _plain(read: Callable[[object], Value]) -> Callable[[object, Scope], Value]:
    return lambda value, scope: read(value)


def _list(read: Callable[[object, Scope], Value]) -> Callable[[object, Scope], Value]:
    return lambda values, scope: each(values, lambda one: read(one, scope))


def _tensor(value: object, scope: Scope) -> Value:
    return read_name(value, scope.used)


def _optional_tensor(value: object, scope: Scope) -> Value:
    kind, found = one_of(value)
    if kind == "as_tensor":
        return Argument(kind, _tensor(found, scope))
    if kind == "as_none":
        none(found)
        return Argument(kind, None)
    raise Misfit(f"{shown(kind)} where a tensor or nothing belongs")


def _symbolic(constant: str, read: Callable[[object], Value]) -> Callable[[object, Scope], Value]:
    def either(value: object, scope: Scope) -> Value:
        kind, found = one_of(value)
        if kind == "as_name":
            return Argument(kind, scope.used(found))
        if kind == constant:
            return Argument(kind, read(found))
        raise Misfit(f"{shown(kind)} where a size belongs")

    return either


def _complex(value: object) -> Value:
    values = record(value, ("real", "imag"))
    return Complex(field(values, "real", number), field(values, "imag", number))


def _device(value: object) -> Value:
    read_device(value)
    return Device()


_INT, _FLOAT, _BOOL = _plain(integer), _plain(number), _plain(flag)
_SYM_INT = _symbolic("as_int", integer)
_SYM_FLOAT = _symbolic("as_float", number)
_SYM_BOOL = _symbolic("as_bool", flag)
_KINDS: dict[str, Callable[[object, Scope], Value]] = {
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
    "as_device": _plain(_device),
    "as_graph": lambda value, scope: scope.graph(value),
    "as_operator": lambda value, scope: scope.operator(value),
}

"""What a file says of a tensor, and which bytes of a storage it is made of."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Union

from pte_foundry.models.checkpoints.exported.fields import (
    Misfit,
    each,
    field,
    flag,
    integer,
    is_whole,
    number,
    one_of,
    record,
    shown,
    size,
    text,
)
from pte_foundry.models.checkpoints.exported.sizes import Expression, parse_size

# torch/_export/serde/schema.py (torch 2.13), `ScalarType`: number -> bytes of a value.
_VALUE_BYTES = {
    **{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 2, 7: 4, 8: 8, 9: 4, 10: 8, 11: 16, 12: 1, 13: 2},
    **{28: 2, 29: 1, 30: 1, 31: 1, 32: 1, 33: 1, 34: 4, 35: 8},
}
_STRIDED = 7
# A storage's values may be used many times (an expanded tensor), but not without end.
_EXPANDED = 2**24


@dataclass(frozen=True)
class Symbolic:
    """A number that depends on the inputs' sizes, and what it was when the model was exported."""

    expression: Expression
    hint: tuple[str, int | float | bool] | None

    def json(self) -> object:
        hint = None if self.hint is None else {self.hint[0]: self.hint[1]}
        return {"as_expr": {"expr_str": str(self.expression), "hint": hint}}


Size = Union[int, Symbolic]


@dataclass(frozen=True)
class SavedTensor:
    """Attributes: as torch's `TensorMeta`; `dtype` by torch's number; on the CPU and strided."""

    dtype: int
    sizes: tuple[Size, ...]
    strides: tuple[Size, ...]
    offset: Size
    requires_grad: bool

    def json(self) -> object:
        return {
            "dtype": self.dtype,
            "sizes": [written_size(one) for one in self.sizes],
            "requires_grad": self.requires_grad,
            "device": {"type": "cpu", "index": None},
            "strides": [written_size(one) for one in self.strides],
            "storage_offset": written_size(self.offset),
            "layout": _STRIDED,
        }

    @property
    def value_bytes(self) -> int:
        return _VALUE_BYTES[self.dtype]


def written_size(value: Size) -> object:
    return {"as_int": value} if isinstance(value, int) else value.json()


def read_size(value: object) -> Size:
    kind, found = one_of(value)
    return field({kind: found}, kind, size) if kind == "as_int" else read_symbolic(kind, found)


def read_symbolic(kind: str, found: object) -> Symbolic:
    if kind != "as_expr":
        raise Misfit(f"{shown(kind)} where a size belongs")
    try:
        values = record(found, ("expr_str",), ("hint",))
        expression = field(values, "expr_str", lambda one: parse_size(text(one)))
        hint = None if values.get("hint") is None else field(values, "hint", _hint)
    except Misfit as misfit:
        raise misfit.inside(kind) from None
    return Symbolic(expression, hint)


def _hint(value: object) -> tuple[str, int | float | bool]:
    kind, found = one_of(value)
    if kind == "as_int":
        return kind, integer(found)
    if kind == "as_bool":
        return kind, flag(found)
    if kind == "as_float":
        made = number(found)
        if math.isfinite(made):
            return kind, made
    raise Misfit(f"{shown(value)} as a hint of a size")


def read_tensor(value: object) -> SavedTensor:
    keys = ("dtype", "sizes", "requires_grad", "device", "strides", "storage_offset", "layout")
    values = record(value, keys)
    field(values, "device", read_device)
    field(values, "layout", lambda one: integer(one, _STRIDED, _STRIDED))
    made = SavedTensor(
        field(values, "dtype", read_dtype),
        field(values, "sizes", lambda one: each(one, read_size)),
        field(values, "strides", lambda one: each(one, read_size)),
        field(values, "storage_offset", read_size),
        field(values, "requires_grad", flag),
    )
    if len(made.sizes) != len(made.strides) or len(made.sizes) > 64:
        raise Misfit(f"{len(made.sizes)} sizes with {len(made.strides)} strides")
    return made


def read_dtype(value: object) -> int:
    if not is_whole(value) or value not in _VALUE_BYTES:
        raise Misfit(f"{shown(value)} as an element type")
    return value


def read_device(value: object) -> None:
    values = record(value, ("type",), ("index",))
    if values["type"] != "cpu" or values.get("index") not in (None, 0):
        raise Misfit(f"the device {shown(values['type'])}. Export the model on the CPU")


def extent(tensor: SavedTensor, stored: int) -> int:
    """How many values of a storage a tensor of fixed sizes reaches over; 0 if it has none.

    Args:
        stored: how many values the storage has.

    Raises:
        Misfit: if it reaches further than that, or its sizes are not fixed.
    """
    numbers: list[int] = []
    for one in (*tensor.sizes, *tensor.strides, tensor.offset):
        if not isinstance(one, int):
            raise Misfit("a size that is not fixed")
        numbers.append(one)
    rank = len(tensor.sizes)
    sizes, strides, offset = numbers[:rank], numbers[rank:-1], numbers[-1]
    count = math.prod(sizes)
    if count == 0:
        return 0
    reached = offset + sum((one - 1) * stride for one, stride in zip(sizes, strides)) + 1
    if reached > stored:
        raise Misfit(
            f"a tensor of sizes {shown_numbers(sizes)}, strides {shown_numbers(strides)} and offset "
            f"{offset}, which needs {reached} values, and its file has {stored}"
        )
    if count > max(stored, _EXPANDED):
        raise Misfit(f"a tensor of sizes {shown_numbers(sizes)} that is made of {stored} values")
    return reached


def shown_numbers(values: list[int]) -> str:
    return f"[{', '.join(str(one) for one in values)}]"


def same_kind(one: SavedTensor, other: SavedTensor) -> bool:
    """Whether two say the same of all but the gradient."""
    return replace(one, requires_grad=False) == replace(other, requires_grad=False)

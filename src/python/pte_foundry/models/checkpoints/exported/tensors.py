"""What a file says of a tensor, and which bytes of a storage it is made of."""

from __future__ import annotations

import math

from pte_foundry.models.checkpoints.exported.fields import (
    Json,
    Misfit,
    each,
    field,
    flag,
    inside,
    integer,
    is_whole,
    number,
    one_of,
    record,
    shown,
    size,
    text,
)
from pte_foundry.models.checkpoints.exported.sizes import checked_size

# torch/_export/serde/schema.py (torch 2.13), `ScalarType`: number -> bytes of a value.
_VALUE_BYTES = {
    **{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 2, 7: 4, 8: 8, 9: 4, 10: 8, 11: 16, 12: 1, 13: 2},
    **{28: 2, 29: 1, 30: 1, 31: 1, 32: 1, 33: 1, 34: 4, 35: 8},
}
_STRIDED = 7
# A storage's values may be used many times (an expanded tensor), but not without end.
_EXPANDED = 2**24


def read_tensor(value: object) -> Json:
    """torch's `TensorMeta`, of a strided tensor on the CPU."""
    keys = ("dtype", "sizes", "requires_grad", "device", "strides", "storage_offset", "layout")
    values = record(value, keys)
    made: Json = {
        "device": field(values, "device", read_device),
        "layout": field(values, "layout", lambda one: integer(one, _STRIDED, _STRIDED)),
        "dtype": field(values, "dtype", read_dtype),
        "sizes": field(values, "sizes", lambda one: each(one, read_size)),
        "strides": field(values, "strides", lambda one: each(one, read_size)),
        "storage_offset": field(values, "storage_offset", read_size),
        "requires_grad": field(values, "requires_grad", flag),
    }
    sizes, strides = len(made["sizes"]), len(made["strides"])
    if sizes != strides or sizes > 64:
        raise Misfit(f"{sizes} sizes with {strides} strides")
    return made


def read_size(value: object) -> Json:
    kind, found = one_of(value)
    if kind == "as_int":
        return {kind: field({kind: found}, kind, size)}
    return read_symbolic(kind, found)


def read_symbolic(kind: str, found: object) -> Json:
    """A number that depends on the inputs' sizes, and what it was when the model was exported."""
    if kind != "as_expr":
        raise Misfit(f"{shown(kind)} where a size belongs")
    with inside(kind):
        values = record(found, ("expr_str",), ("hint",))
        expression = field(values, "expr_str", lambda one: checked_size(text(one)))
        hint = None if values.get("hint") is None else field(values, "hint", _hint)
    return {kind: {"expr_str": expression, "hint": hint}}


def _hint(value: object) -> Json:
    kind, found = one_of(value)
    if kind == "as_int":
        return {kind: integer(found)}
    if kind == "as_bool":
        return {kind: flag(found)}
    if kind == "as_float" and isinstance(made := number(found), float):
        return {kind: made}
    raise Misfit(f"{shown(value)} as a hint of a size")


_ACCELERATORS = ("cuda", "mps", "xpu")


def read_dtype(value: object) -> int:
    if not is_whole(value) or value not in _VALUE_BYTES:
        raise Misfit(f"{shown(value)} as an element type")
    return value


def read_device(value: object) -> Json:
    """Always the CPU, on which a program of another device is read."""
    values = record(value, ("type",), ("index",))
    index = values.get("index")
    known = values["type"] == "cpu" or values["type"] in _ACCELERATORS
    if not known or not (index is None or is_whole(index)):
        raise Misfit(f"the device {shown(values['type'])}. Export the model on the CPU")
    return {"type": "cpu", "index": None}


def value_bytes(tensor: Json) -> int:
    """Bytes of one value of a tensor."""
    return _VALUE_BYTES[tensor["dtype"]]


def extent(tensor: Json, stored: int) -> int:
    """How many values of a storage a tensor of fixed sizes reaches over; 0 for an empty one.

    Args:
        stored: how many values the storage has.

    Raises:
        Misfit: if it reaches further than that, or its sizes are not fixed.
    """
    sizes = [_fixed(one) for one in tensor["sizes"]]
    strides = [_fixed(one) for one in tensor["strides"]]
    offset = _fixed(tensor["storage_offset"])
    count = math.prod(sizes)
    if count == 0:
        return 0
    reached = offset + sum((one - 1) * stride for one, stride in zip(sizes, strides)) + 1
    if reached > stored:
        raise Misfit(
            f"a tensor of sizes {sizes}, strides {strides} and offset {offset}, which needs {reached} "
            f"values, and its file has {stored}"
        )
    if count > max(stored, _EXPANDED):
        raise Misfit(f"a tensor of sizes {sizes} that is made of {stored} values")
    return reached


def _fixed(size: Json) -> int:
    number: int | None = size.get("as_int")
    if number is None:
        raise Misfit("a size that is not fixed")
    return number


def same_kind(one: Json, other: Json) -> bool:
    """Whether two tensors are alike in everything but the gradient."""
    return {**one, "requires_grad": False} == {**other, "requires_grad": False}

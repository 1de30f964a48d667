"""Where two `.pte` files first differ, in the program's own terms."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from executorch.exir._serialize._program import (  # type: ignore[import-untyped]
    PTEFile,
    deserialize_pte_binary,
)

from pte_foundry.backends.coreml.container import read_container
from pte_foundry.errors import PteError, reason_of
from pte_foundry.inspection.payloads import named_data_in

_COREML = "CoreMLBackend"
# Holds a digest of all other files (`backends/coreml/canonical.py`): it is a consequence, never a cause.
_COREML_METADATA = "metadata.json"
# Compared on their own, as bytes.
_DATA_FIELDS = ("backend_delegate_data", "constant_buffer")
# Fields of ExecuTorch's schema (exir/schema.py) that hold lists, in words; others go by their own name.
_ITEM_NAMES = {
    "chains": "chain",
    "compile_specs": "compile spec",
    "delegates": "delegate",
    "execution_plan": "execution plan",
    "instructions": "instruction",
    "operators": "operator",
    "values": "value",
}
_CHUNK = 1 << 16


def first_difference(first: bytes, second: bytes) -> str | None:
    """Name the first part that differs; None if the bytes are equal.

    Compared in this order: the program (execution plans with their values, operators, delegates and
    instructions), the delegates' payloads (of a CoreML payload, its files), constants, mutable and
    named data. Any other difference is in padding or the order of segments, and is named by its byte
    offset in the file, as is any difference if one of the two is not a program.
    """
    if first == second:
        return None
    try:
        files = (_read(first), _read(second))
    except Exception as error:
        # Damaged bytes make the deserializer raise whatever its parsers raise.
        return f"{_bytes_text(first, second)} of the file, which is not a readable program ({reason_of(error)})"
    return (
        _program(*files)
        or _payloads(*files)
        or _constants(*files)
        or _mapping("named data", named_data_in(files[0]), named_data_in(files[1]))
        or f"{_bytes_text(first, second)} of the file, in padding or the order of segments"
    )


def _read(pte: bytes) -> PTEFile:
    file = deserialize_pte_binary(pte)
    if not file.program.execution_plan:
        # Zeros, without the format's header, pass for an empty program.
        raise ValueError("no execution plan")
    return file


def _program(first: PTEFile, second: PTEFile) -> str | None:
    return _walk(
        _fields(first.program, _DATA_FIELDS), _fields(second.program, _DATA_FIELDS), "program"
    )


def _fields(item: object, left_out: Sequence[str] = ()) -> dict[str, object]:
    assert dataclasses.is_dataclass(item)
    return {
        field.name: getattr(item, field.name)
        for field in dataclasses.fields(item)
        if field.name not in left_out
    }


def _walk(first: object, second: object, path: str) -> str | None:
    """The first difference of two values of the schema."""
    if type(first) is not type(second):
        return f"{path}: a {type(first).__name__} in one, a {type(second).__name__} in the other"
    if isinstance(first, bytes) and isinstance(second, bytes):
        return None if first == second else f"{path}, {_bytes_text(first, second)}"
    if isinstance(first, list) and isinstance(second, list):
        return _walk_list(first, second, path)
    if dataclasses.is_dataclass(first):
        first, second = _fields(first), _fields(second)
    if isinstance(first, dict) and isinstance(second, dict):
        found = (_walk(first[name], second[name], f"{path}, {name}") for name in first)
        return next(filter(None, found), None)
    # NaN is not equal to itself.
    if first == second or (first != first and second != second):
        return None
    return f"{path}: {first!r} in one, {second!r} in the other"


def _walk_list(first: list[object], second: list[object], path: str) -> str | None:
    parent, _, field = path.rpartition(", ")
    item = f"{parent}, {_ITEM_NAMES.get(field, field)}"
    for index, (one, other) in enumerate(zip(first, second)):
        if found := _walk(one, other, f"{item} {index}"):
            return found
    if len(first) != len(second):
        return f"{path}: {len(first)} in one, {len(second)} in the other"
    return None


def _payloads(first: PTEFile, second: PTEFile) -> str | None:
    # The programs' delegate tables are equal by now.
    for plan_index, plan in enumerate(first.program.execution_plan):
        others = second.program.execution_plan[plan_index].delegates
        for index, (delegate, other) in enumerate(zip(plan.delegates, others)):
            one = bytes(first.program.backend_delegate_data[delegate.processed.index].data)
            two = bytes(second.program.backend_delegate_data[other.processed.index].data)
            if one != two:
                where = f"payload of delegate {index} ({delegate.id}) of the method {plan.name}"
                return f"{where}, {_payload_part(delegate.id, one, two)}"
    return None


def _payload_part(delegate: str, first: bytes, second: bytes) -> str:
    if delegate == _COREML:
        try:
            one, two = read_container(first), read_container(second)
        except PteError:
            return _bytes_text(first, second)
        files = _mapping("file", one.files, two.files, last=_COREML_METADATA)
        return files or _bytes_text(first, second)
    return _bytes_text(first, second)


def _constants(first: PTEFile, second: PTEFile) -> str | None:
    for kind, ones, others in (
        ("constant", first.program.constant_buffer, second.program.constant_buffer),
        ("mutable buffer", first.mutable_data or [], second.mutable_data or []),
    ):
        for index, (one, other) in enumerate(zip(ones, others)):
            if one.storage != other.storage:
                return f"{kind} {index}, {_bytes_text(bytes(one.storage), bytes(other.storage))}"
        if len(ones) != len(others):
            return f"{kind}s: {len(ones)} in one, {len(others)} in the other"
    return None


def _mapping(
    kind: str, first: Mapping[str, bytes], second: Mapping[str, bytes], last: str | None = None
) -> str | None:
    """The first difference in the order of names; the name `last` comes after all others."""
    for name in sorted(first.keys() | second.keys(), key=lambda name: (name == last, name)):
        if name not in first or name not in second:
            return f"{kind} {name}: in one only"
        if first[name] != second[name]:
            return f"{kind} {name}, {_bytes_text(first[name], second[name])}"
    return None


def _bytes_text(first: bytes, second: bytes) -> str:
    sizes = f" of {len(first)}" if len(first) == len(second) else ""
    lengths = "" if sizes else f" ({len(first)} bytes in one, {len(second)} in the other)"
    return f"byte {_first_byte(first, second)}{sizes}{lengths}"


def _first_byte(first: bytes, second: bytes) -> int:
    """Offset of the first byte that differs; the length of the shorter one if it begins the other."""
    start = 0
    while first[start : start + _CHUNK] == second[start : start + _CHUNK] != b"":
        start += _CHUNK
    pairs = zip(first[start : start + _CHUNK], second[start : start + _CHUNK])
    for offset, (one, other) in enumerate(pairs, start):
        if one != other:
            return offset
    return min(len(first), len(second))

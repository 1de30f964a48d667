"""Where in a `.pte` the numbers stand that a reader follows: fields of tables, offsets, lengths.

A flatbuffer's table begins with a signed 32-bit distance back to its vtable, which holds its own size, the
table's, and the distance of each field from the table's begin, 0 for an absent one
(https://flatbuffers.dev/internals/).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from executorch.exir._serialize.generated.executorch_flatbuffer.Program import (  # type: ignore[import-untyped]
    Program,
)

_U16, _U32, _I32 = struct.Struct("<H"), struct.Struct("<I"), struct.Struct("<i")


def table_places(pte: bytes) -> tuple[int, ...]:
    """Where each table begins that the runtime reads when it loads a program; in order, without repetition."""
    return tuple(dict.fromkeys(_tables(pte)))


def field_places(pte: bytes, table: int) -> tuple[int, ...]:
    """Where the fields of a table stand: numbers, or offsets of strings, vectors and tables."""
    vtable = table - _I32.unpack_from(pte, table)[0]
    slots = (_U16.unpack_from(pte, vtable)[0] - 4) // 2
    distances = [_U16.unpack_from(pte, vtable + 4 + 2 * slot)[0] for slot in range(slots)]
    return tuple(table + distance for distance in distances if distance)


def pointed_place(pte: bytes, field: int) -> int | None:
    """What a field points at if it is an offset: a vector's length, a table's begin; else None."""
    place = field + int(_U32.unpack_from(pte, field)[0]) if field + 4 <= len(pte) else 0
    return place if field < place <= len(pte) - 4 else None


def _tables(pte: bytes) -> Iterator[int]:
    program: Any = Program.GetRootAs(pte, 0)
    yield program._tab.Pos
    for number in range(program.SegmentsLength()):
        yield program.Segments(number)._tab.Pos
    if program.ConstantSegment() is not None:
        yield program.ConstantSegment()._tab.Pos
    for number in range(program.NamedDataLength()):
        yield program.NamedData(number)._tab.Pos
    plan = program.ExecutionPlan(0)
    yield plan._tab.Pos
    for number in range(plan.DelegatesLength()):
        yield plan.Delegates(number)._tab.Pos
        yield plan.Delegates(number).Processed()._tab.Pos
    for number in range(plan.OperatorsLength()):
        yield plan.Operators(number)._tab.Pos
    for number in range(plan.ValuesLength()):
        value = plan.Values(number)
        yield value._tab.Pos
        if value.Val() is not None:
            yield value.Val().Pos
    for number in range(plan.ChainsLength()):
        chain = plan.Chains(number)
        yield chain._tab.Pos
        for step in range(chain.InstructionsLength()):
            yield chain.Instructions(step)._tab.Pos
            yield chain.Instructions(step).InstrArgs().Pos

"""Hostile `.pte` files out of good ones, the same for a seed on every machine.

A flatbuffer's table begins with a signed 32-bit distance back to its vtable, which holds its own size, the
table's, and the distance of each field from the table's begin, 0 for an absent one
(https://flatbuffers.dev/internals/).
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from executorch.exir._serialize.generated.executorch_flatbuffer.Program import (  # type: ignore[import-untyped]
    Program,
)

_SEED = "pte-foundry hostile files 1"
_HEADER = 40
"""Bytes of the root's offset, the identifier and ExecuTorch's extended header."""

_MAX_U64 = (1 << 64) - 1
_U16, _U32, _I32 = struct.Struct("<H"), struct.Struct("<I"), struct.Struct("<i")


@dataclass(frozen=True)
class HostileFile:
    """A file and how it was made.

    Attributes:
        sort: name of the function that damaged it.
        original: name of the good file.
    """

    number: int
    sort: str
    original: str
    pte: bytes


def hostile_files(originals: Mapping[str, bytes], first: int, count: int) -> Iterator[HostileFile]:
    """`count` files from number `first` on; each sort and each original in turn.

    A file depends on its number and the originals alone.
    """
    names = sorted(originals)
    for number in range(first, first + count):
        damage = SORTS[number % len(SORTS)]
        name = names[number // len(SORTS) % len(names)]
        other = originals[names[(number // len(SORTS) + 1) % len(names)]]
        chance = random.Random(f"{_SEED}/{number}")
        yield HostileFile(number, damage.__name__, name, damage(chance, originals[name], other))


def truncated(chance: random.Random, pte: bytes, other: bytes) -> bytes:
    """Anywhere, or within the last bytes."""
    cut = chance.choice((len(pte), 64))
    return pte[: len(pte) - chance.randint(1, cut)]


def extended(chance: random.Random, pte: bytes, other: bytes) -> bytes:
    return pte + chance.randbytes(chance.randint(1, 4096))


def one_bit(chance: random.Random, pte: bytes, other: bytes) -> bytes:
    return _with_bits_flipped(chance, pte, 0, len(pte), 1)


def many_bits(chance: random.Random, pte: bytes, other: bytes) -> bytes:
    return _with_bits_flipped(chance, pte, 0, len(pte), chance.randint(2, 64))


def bits_of_the_graph(chance: random.Random, pte: bytes, other: bytes) -> bytes:
    """In the flatbuffer, before the segments."""
    size = min(len(pte), max(_HEADER, int.from_bytes(pte[16:24], "little")))
    return _with_bits_flipped(chance, pte, _HEADER, size, chance.randint(1, 8))


def header_noise(chance: random.Random, pte: bytes, other: bytes) -> bytes:
    begin = chance.randrange(_HEADER)
    end = chance.randint(begin + 1, _HEADER)
    return pte[:begin] + chance.randbytes(end - begin) + pte[end:]


def header_sizes(chance: random.Random, pte: bytes, other: bytes) -> bytes:
    """Of the program, the segments' begin, or their size."""
    return _with_number(pte, chance.choice((16, 24, 32)), 8, _extreme(chance, len(pte), 8))


def root_elsewhere(chance: random.Random, pte: bytes, other: bytes) -> bytes:
    return _with_number(
        pte, 0, 4, chance.choice((chance.randrange(len(pte)), _extreme(chance, len(pte), 4)))
    )


def field_extreme(chance: random.Random, pte: bytes, other: bytes) -> bytes:
    """A field of a table: an index, a size, an offset."""
    width = chance.choice((4, 8))
    return _with_number(pte, _any_field(chance, pte), width, _extreme(chance, len(pte), width))


def length_extreme(chance: random.Random, pte: bytes, other: bytes) -> bytes:
    """The length of a vector or a string, or a table's distance to its vtable."""
    place = pointed_place(pte, _any_field(chance, pte))
    return _with_number(pte, place or 0, 4, _extreme(chance, len(pte), 4))


def element_extreme(chance: random.Random, pte: bytes, other: bytes) -> bytes:
    """One of the first elements of a vector: a dimension, a value's index, planned memory."""
    place = pointed_place(pte, _any_field(chance, pte)) or 0
    width = chance.choice((4, 8))
    element = place + 4 + width * chance.randrange(4)
    return _with_number(pte, element, width, _extreme(chance, len(pte), width))


def self_reference(chance: random.Random, pte: bytes, other: bytes) -> bytes:
    """A field that points at its own table, or at one above it: a cycle."""
    field = _any_field(chance, pte)
    target = chance.choice(table_places(pte))
    return _with_number(pte, field, 4, (target - field) % (1 << 32))


def spliced(chance: random.Random, pte: bytes, other: bytes) -> bytes:
    """A stretch of another program in place of the original."""
    begin = chance.randrange(len(pte))
    end = chance.randint(begin, len(pte))
    start = chance.randrange(len(other))
    return pte[:begin] + other[start : start + end - begin] + pte[end:]


def swapped(chance: random.Random, pte: bytes, other: bytes) -> bytes:
    """Two stretches of it exchanged."""
    first, second, third = sorted(chance.sample(range(len(pte)), 3))
    return pte[:first] + pte[second:third] + pte[first:second] + pte[third:]


def payload_numbers(chance: random.Random, pte: bytes, other: bytes) -> bytes:
    """Aligned numbers behind the graph, where the delegates' payloads are."""
    begin = min(len(pte) - 8, int.from_bytes(pte[24:32], "little") or _HEADER) & ~3
    for _ in range(chance.randint(1, 4)):
        place = begin + 4 * chance.randrange((len(pte) - begin) // 4)
        pte = _with_number(pte, place, 4, _extreme(chance, len(pte), 4))
    return pte


Damage = Callable[[random.Random, bytes, bytes], bytes]
SORTS: tuple[Damage, ...] = (
    truncated,
    field_extreme,
    header_sizes,
    one_bit,
    self_reference,
    length_extreme,
    payload_numbers,
    spliced,
    element_extreme,
    header_noise,
    bits_of_the_graph,
    many_bits,
    root_elsewhere,
    swapped,
    extended,
)


def _any_field(chance: random.Random, pte: bytes) -> int:
    table = chance.choice(table_places(pte))
    # One without fields is its distance to its vtable, and nothing else.
    return chance.choice(field_places(pte, table) or (table,))


def _extreme(chance: random.Random, length: int, width: int) -> int:
    """A number at some edge, of `width` bytes."""
    top = 1 << 8 * width
    number = chance.choice(
        (
            0,
            1,
            length - 1,
            length,
            length + 1,
            top - 1,
            top // 2 - 1,
            top // 2,
            top - length,
            1 << chance.randrange(8 * width),
            chance.randrange(top),
        )
    )
    return number % top


def _with_number(pte: bytes, place: int, width: int, number: int) -> bytes:
    if place + width > len(pte):
        return pte[:place]
    text = struct.pack("<Q", number & _MAX_U64)[:width]
    return pte[:place] + text + pte[place + width :]


def _with_bits_flipped(
    chance: random.Random, pte: bytes, begin: int, end: int, count: int
) -> bytes:
    changed = bytearray(pte)
    for _ in range(count):
        changed[chance.randrange(begin, end)] ^= 1 << chance.randrange(8)
    return bytes(changed)


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

"""Read tables of a FlatBuffer (https://flatbuffers.dev/internals/), with every offset checked."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Union

Buffer = Union[bytes, memoryview]

MOST_ITEMS = 1 << 20
"""Of one list. ExecuTorch's largest programs have some ten thousand values."""

_SIZES = {"b": 1, "B": 1, "?": 1, "H": 2, "i": 4, "I": 4, "q": 8, "Q": 8, "d": 8}


class NotReadable(Exception):
    """The bytes are no such buffer, for this reason."""


@dataclass(frozen=True)
class Table:
    """A table of the buffer `data`; fields go by their number in the schema. One that is not stored has its default."""

    data: Buffer
    position: int

    def number(self, field: int, kind: str, default: int = 0) -> int:
        """kind: as in `struct`: b, B, i, I, q, Q, ?."""
        at = self._field(field)
        return default if at is None else int(self._unpack(kind, at))

    def real(self, field: int) -> float:
        at = self._field(field)
        return 0.0 if at is None else float(self._unpack("d", at))

    def text(self, field: int) -> str:
        at = self._field(field)
        if at is None:
            return ""
        start, length = self._vector(self._follow(at), 1)
        return bytes(self.data[start : start + length]).decode("utf-8", "replace")

    def table(self, field: int) -> Table | None:
        at = self._field(field)
        return None if at is None else Table(self.data, self._follow(at))

    def tables(self, field: int) -> list[Table]:
        at = self._field(field)
        if at is None:
            return []
        start, length = self._vector(self._follow(at), 4)
        return [Table(self.data, self._follow(start + 4 * index)) for index in range(length)]

    def numbers(self, field: int, kind: str) -> tuple[int, ...]:
        return tuple(int(value) for value in self._values(field, kind))

    def reals(self, field: int) -> tuple[float, ...]:
        return tuple(float(value) for value in self._values(field, "d"))

    def content(self, field: int) -> bytes:
        """A list of bytes."""
        at = self._field(field)
        if at is None:
            return b""
        start, length = self._vector(self._follow(at), 1)
        return bytes(self.data[start : start + length])

    def length(self, field: int, size: int) -> int:
        """Items of a list, each of `size` bytes, which are not read."""
        at = self._field(field)
        return 0 if at is None else self._vector(self._follow(at), size, most=None)[1]

    def _values(self, field: int, kind: str) -> tuple[float, ...]:
        at = self._field(field)
        if at is None:
            return ()
        start, length = self._vector(self._follow(at), _SIZES[kind])
        return struct.unpack_from(f"<{length}{kind}", self.data, start)

    def _field(self, field: int) -> int | None:
        """Where the field is stored; None if it is not."""
        table = self.position - int(self._unpack("i", self.position))
        if not 0 <= table <= len(self.data) - 4:
            raise NotReadable(f"the table at byte {self.position} has no description")
        slot = 4 + 2 * field
        if slot + 2 > int(self._unpack("H", table)):
            return None
        offset = int(self._unpack("H", table + slot))
        return self.position + offset if offset else None

    def _follow(self, at: int) -> int:
        target = at + int(self._unpack("I", at))
        if target > len(self.data) - 4:
            raise NotReadable(f"byte {at} leads beyond the end, to byte {target}")
        return target

    def _vector(self, at: int, size: int, most: int | None = MOST_ITEMS) -> tuple[int, int]:
        length = int(self._unpack("I", at))
        if length * size > len(self.data) - at - 4:
            raise NotReadable(f"the list at byte {at} is longer than the file")
        if most is not None and length > most:
            raise NotReadable(f"the list at byte {at} has {length} items, more than {most}")
        return at + 4, length

    def _unpack(self, kind: str, at: int) -> float:
        if not 0 <= at <= len(self.data) - _SIZES[kind]:
            raise NotReadable(f"byte {at} is beyond the end")
        value: float = struct.unpack_from(f"<{kind}", self.data, at)[0]
        return value


def root_table(data: Buffer, identifier: bytes) -> Table:
    """The table that a buffer begins with.

    Raises:
        NotReadable: it has another identifier.
    """
    if len(data) < 8 or bytes(data[4:8]) != identifier:
        raise NotReadable(f"its bytes 4 to 7 are not {identifier.decode()!r}")
    (start,) = struct.unpack_from("<I", data)
    if start > len(data) - 4:
        raise NotReadable(f"its first table is beyond the end, at byte {start}")
    return Table(data, start)

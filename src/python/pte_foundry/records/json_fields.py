"""Typed access to the fields of a JSON object, with errors that name the field."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pte_foundry.errors import PteError
from pte_foundry.records.outside_text import shown

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True)
class Fields:
    """A JSON object and the words that say where it is, e.g. `declared.json: weights`.

    Every accessor raises PteError `bad-request` naming the field if it is missing or of a wrong
    type. A `bool` is not a number here, although it is in Python.
    """

    values: Mapping[str, object]
    where: str

    def error(self, name: str, why: str) -> PteError:
        """The error to raise for the field `name`."""
        return PteError("bad-request", f"{self.where}: `{name}` {why}. Fix what wrote the file")

    @staticmethod
    def of(value: object, where: str) -> Fields:
        """The fields of a JSON value. Raises PteError `bad-request` if it is not an object."""
        if not isinstance(value, dict):
            raise PteError(
                "bad-request",
                f"{where} is a {type(value).__name__}, not an object. Fix what wrote the file",
            )
        return Fields(value, where)

    def only(self, *names: str) -> None:
        """Refuse fields of any other name, e.g. an optional one that is misspelt."""
        for name in self.values:
            if name not in names:
                raise self.error(name, f"is not one of {', '.join(names)}")

    def has(self, name: str) -> bool:
        return name in self.values

    def get(self, name: str) -> object:
        """The raw value, which may be None."""
        if name not in self.values:
            raise self.error(name, "is missing")
        return self.values[name]

    def is_null(self, name: str) -> bool:
        return self.get(name) is None

    def text(self, name: str) -> str:
        """A non-empty string."""
        value = self.get(name)
        if not isinstance(value, str) or not value:
            raise self.error(name, f"is {shown(value)}, not a non-empty string")
        return value

    def optional_text(self, name: str) -> str | None:
        return None if self.is_null(name) else self.text(name)

    def sha256(self, name: str) -> str:
        """64 lower-case hexadecimal digits."""
        value = self.text(name)
        if not _SHA256.fullmatch(value):
            raise self.error(name, f"is {shown(value)}, not 64 lower-case hexadecimal digits")
        return value

    def count(self, name: str) -> int:
        """An integer that is not negative."""
        return self._count(name, self.get(name))

    def optional_count(self, name: str) -> int | None:
        return None if self.is_null(name) else self.count(name)

    def number(self, name: str) -> float:
        """A finite number, as float."""
        value = self.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.error(name, f"is {shown(value)}, not a number")
        if not math.isfinite(value):
            raise self.error(name, f"is {shown(value)}, not a finite number")
        return float(value)

    def optional_number(self, name: str) -> float | None:
        return None if self.is_null(name) else self.number(name)

    def flag(self, name: str) -> bool:
        value = self.get(name)
        if not isinstance(value, bool):
            raise self.error(name, f"is {shown(value)}, not true or false")
        return value

    def nested(self, name: str) -> Fields:
        """A nested object."""
        return self._object(name, self.get(name))

    def optional_nested(self, name: str) -> Fields | None:
        return None if self.is_null(name) else self.nested(name)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of non-empty strings."""
        for value in self._list(name):
            if not isinstance(value, str) or not value:
                raise self.error(name, f"holds {shown(value)}, not a non-empty string")
        return tuple(str(value) for value in self._list(name))

    def counts(self, name: str) -> tuple[int, ...]:
        """A list of integers that are not negative."""
        return tuple(self._count(name, value) for value in self._list(name))

    def objects(self, name: str) -> tuple[Fields, ...]:
        """A list of objects."""
        return tuple(
            self._object(f"{name}[{position}]", value)
            for position, value in enumerate(self._list(name))
        )

    def text_map(self, name: str) -> dict[str, str]:
        """An object whose values are non-empty strings, in the file's order."""
        nested = self.nested(name)
        return {key: nested.text(key) for key in nested.values}

    def count_map(self, name: str) -> dict[str, int]:
        """An object whose values are integers that are not negative, in the file's order."""
        nested = self.nested(name)
        return {key: nested.count(key) for key in nested.values}

    def _list(self, name: str) -> Sequence[object]:
        value = self.get(name)
        if not isinstance(value, list):
            raise self.error(name, f"is a {type(value).__name__}, not a list")
        return value

    def _count(self, name: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self.error(name, f"is {shown(value)}, not an integer of 0 or more")
        return value

    def _object(self, name: str, value: object) -> Fields:
        if not isinstance(value, dict):
            raise self.error(name, f"is a {type(value).__name__}, not an object")
        return Fields(value, f"{self.where}: {name}")

"""How two indexes differ, for people: which artifacts, and in what."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pte_foundry.index.schema_version import check_schema_version
from pte_foundry.records.json_fields import Fields

_SHA256 = re.compile(r"[0-9a-f]{64}")
_HASH_DIGITS = 12
_LONGEST_VALUE = 60
# What a person looks for first.
_FIRST = ("hash", "size", "toolchain")


@dataclass(frozen=True)
class IndexDifference:
    """`what` is a file below its version's folder, an address, or a field of the index itself."""

    kind: Literal["changed", "gone", "new"]
    what: str
    how: str = ""

    def __str__(self) -> str:
        return f"{self.kind:8}{self.what}{f': {self.how}' if self.how else ''}"


def index_differences(old: Fields, new: Fields) -> tuple[IndexDifference, ...]:
    """What is gone, new or changed from `old` to `new`: first the index's own fields, then by path and address.

    Raises:
        PteError: `bad-request` naming a field that is missing or wrong; `newer-schema` for an index of a
            newer form than this library's.
    """
    for index in (old, new):
        check_schema_version(index)
    parts = ("models", "labels", "unavailable")
    own = [
        IndexDifference("changed", f"`{name}`", how)
        for name in sorted({*old.values, *new.values} - set(parts))
        if (how := _told(old.values.get(name), new.values.get(name), ""))
    ]
    listed = [difference for part in parts for difference in _listed(part, old, new)]
    return (*own, *listed)


def _listed(part: str, old: Fields, new: Fields) -> list[IndexDifference]:
    before, after = _by_name(part, old), _by_name(part, new)
    found = []
    for name in sorted({*before, *after}):
        if name not in after:
            found.append(IndexDifference("gone", name))
        elif name not in before:
            found.append(IndexDifference("new", name))
        elif how := _told(before[name].values, after[name].values, ""):
            found.append(IndexDifference("changed", name, how))
    return found


def _by_name(part: str, index: Fields) -> dict[str, Fields]:
    entries = index.objects(part)
    if part == "unavailable":
        return {f"{entry.text('address')} (unavailable)": entry for entry in entries}
    return {f"{entry.text('category')}/{entry.text('name')}": entry for entry in entries}


def _told(old: object, new: object, path: str) -> str:
    return ", ".join(_changes(old, new, path))


def _changes(old: object, new: object, path: str) -> Iterator[str]:
    """`<path> <old> -> <new>` of each value that differs; `path` is dotted, and empty at the top."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}, key=lambda key: (key not in _FIRST, key)):
            inner = f"{path}.{key}" if path else str(key)
            yield from _changes(old.get(key), new.get(key), inner)
    elif old != new or isinstance(old, bool) is not isinstance(new, bool):
        yield f"{path} {_short(old)} -> {_short(new)}".lstrip()


def _short(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return value[:_HASH_DIGITS] if _SHA256.fullmatch(value) else value
    text = json.dumps(value, sort_keys=True)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"

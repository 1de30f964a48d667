"""Command line: `python -m pte_foundry.index.compare_main built index.json index_1_4.json`.

Exit code 0 if each committed index has the same bytes as the file of its name in the folder `built`. If not, 1, with
the differences on stdout.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pte_foundry.errors import PteError
from pte_foundry.index.versions import check_schema_version
from pte_foundry.records.command import run_command
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.json_files import read_json

_SHA256 = re.compile(r"[0-9a-f]{64}")
_HASH_DIGITS = 12
_LONGEST_VALUE = 60
# The fields that people look at first.
_FIRST = ("hash", "size", "toolchain")
_REMEDY = (
    "Look for what changed it. If that was meant, `./foundry update-index` rewrites the files; commit them "
    "with the change."
)


def main(arguments: Sequence[str]) -> int:
    """Compare files. Raises PteError if one of them is not an index that this library can read."""
    parser = argparse.ArgumentParser(prog="pte_foundry.index.compare_main", description=__doc__)
    parser.add_argument("built", type=Path, help="a folder with what was built now")
    parser.add_argument("committed", type=Path, nargs="+", help="an index of the repository")
    options = parser.parse_args(arguments)
    stale = [each for each in options.committed if _is_stale(each, options.built / each.name)]
    if stale:
        print(_REMEDY)
    return 1 if stale else 0


def _is_stale(committed: Path, built: Path) -> bool:
    if not committed.exists():
        raise PteError(
            "no-index",
            f"{committed} does not exist. Make it: `./foundry update-index`",
        )
    if committed.read_bytes() == built.read_bytes():
        print(f"{committed} is current")
        return False
    print(f"{committed} is stale:")
    for line in describe_differences(committed, built):
        print(f"  {line}")
    return True


def describe_differences(old: Path, new: Path) -> list[str]:
    """One line for each difference between two files of unequal bytes. Raises PteError as `index_differences` does."""
    found = index_differences(Fields(read_json(old), str(old)), Fields(read_json(new), str(new)))
    return [str(difference) for difference in found] or [
        "the same content in another form: the file was edited or reformatted"
    ]


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
        PteError: `bad-request` naming a field that is missing or wrong; `newer-schema` for an index whose
            schema is newer than this library's.
    """
    for index in (old, new):
        check_schema_version(index)
    parts = ("models", "labels", "unavailable")
    own = [
        IndexDifference("changed", f"`{name}`", how)
        for name in sorted({*old.values, *new.values} - set(parts))
        if (how := _described(old.values.get(name), new.values.get(name), ""))
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
        elif how := _described(before[name].values, after[name].values, ""):
            found.append(IndexDifference("changed", name, how))
    return found


def _by_name(part: str, index: Fields) -> dict[str, Fields]:
    entries = index.objects(part)
    if part == "unavailable":
        return {f"{entry.text('address')} (unavailable)": entry for entry in entries}
    return {f"{entry.text('category')}/{entry.text('name')}": entry for entry in entries}


def _described(old: object, new: object, path: str) -> str:
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


if __name__ == "__main__":
    sys.exit(run_command(lambda: main(sys.argv[1:])))

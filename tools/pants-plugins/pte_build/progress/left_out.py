"""Which tests a session left out, for its last lines."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from pte_build.tiers.tier import left_out_test


class LeftOutTests:
    """Collects the tests that were left out, by tag."""

    def __init__(self) -> None:
        self._addresses: defaultdict[str, set[str]] = defaultdict(set)

    def add(self, completed: Iterable[Mapping[str, Any]]) -> None:
        for unit in completed:
            found = left_out_test(unit)
            if found is not None:
                tag, address = found
                self._addresses[tag].add(address)

    def lines(self) -> list[str]:
        """For a person: a line for each tag, with the number of tests in each folder."""
        return [_line(tag, addresses) for tag, addresses in sorted(self._addresses.items())]


def _line(tag: str, addresses: set[str]) -> str:
    # Two parts of a path say enough: `models/yolo`, `tests/end_to_end`.
    folders = Counter(
        "/".join(_folder(address).split("/")[:2]) or "//" for address in sorted(addresses)
    )
    places = ", ".join(f"{folder} {count}" for folder, count in sorted(folders.items()))
    tests = "1 test" if len(addresses) == 1 else f"{len(addresses)} tests"
    return f"Left out: {tests} tagged `{tag}` ({places}). Add `--tag={tag}` to run them instead."


def _folder(address: str) -> str:
    """`a/b` of `a/b:name`, and of `a/b/file_test.py:name`; empty at the root."""
    path = address.partition(":")[0].lstrip("/")
    folder, _, last = path.rpartition("/")
    return folder if last.endswith(".py") else path

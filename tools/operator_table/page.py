"""The table in `docs/operators.md`, read and written (standard library only)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from operator_table.columns import COLUMNS

PAGE = Path("docs/operators.md")
_BEGIN, _END = "<!-- Made by `./foundry operators`. -->\n", "<!-- The end of what it makes. -->\n"

Cells = Mapping[str, Mapping[str, str]]
"""Backend -> row -> cell."""


def read_cells(page: str) -> dict[str, dict[str, str]]:
    """What the page says. Raises ValueError if it has no table between its two comments."""
    found: dict[str, dict[str, str]] = {backend: {} for backend in COLUMNS}
    for line in _parts(page)[1].splitlines():
        if line.startswith("| `") and line.count("|") == len(COLUMNS) + 2:
            name, *cells = (cell.strip() for cell in line.strip("|").split(" | "))
            for backend, cell in zip(found, cells):
                found[backend][name.strip("`")] = cell
    return found


def with_tables(
    page: str, rows: Sequence[tuple[str, str]], cells: Cells, causes: Mapping[str, str]
) -> str:
    """The page with new tables.

    Args:
        rows: group and name of each, in their order.
        causes: their names, as cells have them, and the advice for each.

    Raises:
        ValueError: as `read_cells`.
    """
    before, _, after = _parts(page)
    return before + "\n".join(_lines(rows, cells, causes)) + "\n" + after


def _parts(page: str) -> tuple[str, str, str]:
    found = re.fullmatch(f"(.*{re.escape(_BEGIN)})(.*)({re.escape(_END)}.*)", page, re.S)
    if found is None:
        raise ValueError(
            f"{PAGE} has lost the comments around its table: {_BEGIN.strip()} and {_END.strip()}"
        )
    return found[1], found[2], found[3]


def _lines(
    rows: Sequence[tuple[str, str]], cells: Cells, causes: Mapping[str, str]
) -> Iterator[str]:
    yield from ("", "| cause | what to do |", "|---|---|")
    used = {
        cell.split()[1]
        for column in cells.values()
        for cell in column.values()
        if cell.startswith("no: ")
    }
    yield from (f"| {cause} | {advice} |" for cause, advice in causes.items() if cause in used)
    for group, members in groupby(rows, key=lambda row: row[0]):
        yield from ("", f"## {group}", "")
        titles = ["operator", *(column.title for column in COLUMNS.values())]
        yield f"| {' | '.join(titles)} |"
        yield "|---" * len(titles) + "|"
        for _, name in members:
            yield f"| {' | '.join([f'`{name}`', *(cells[backend][name] for backend in COLUMNS)])} |"
    yield ""

"""Tables in Markdown, and the cells of a measurement's row in a result file."""

from __future__ import annotations

from collections.abc import Sequence

from bench.benchmarks.measurement import Goal
from bench.command.result_file import Document


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The table's lines. A `|` in a cell is escaped."""
    return [_line(columns), _line(["---"] * len(columns)), *map(_line, rows)]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def goal_text(row: Document) -> str:
    ((kind, bound),) = row["goal"].items()
    return str(Goal(kind, bound))


def verdict_text(row: Document) -> str:
    return "met" if row["met"] else "**missed**"

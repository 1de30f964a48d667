"""The results as a table for people: a row for each program, a column for each perturbation."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table
from rich.text import Text

from reproduce.command.reproduce import Reproduction, Result, verdict


def results_table(results: Reproduction) -> Group:
    """The table, then a line for everything that is not the same."""
    names = list(dict.fromkeys(result.perturbation for result in results.results))
    table = Table("perturbation", *results.references)
    cells = {(result.perturbation, result.address): result for result in results.results}
    for name in names:
        table.add_row(name, *(_cell(cells[name, address]) for address in results.references))
    table.add_section()
    table.add_row("sha256", *(Text(digest[:12]) for digest in results.references.values()))
    others = [result for result in results.results if not result.same]
    lines = (Text(f"{one.address}, {one.perturbation}: {verdict(one)}") for one in others)
    return Group(table, *lines)


def _cell(result: Result) -> Text:
    if result.error is not None:
        return Text("failed", "red")
    return Text("same", "green") if result.same else Text("differs", "red")

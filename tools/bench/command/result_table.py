"""The results as a table for people."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from bench.benchmarks.measurement import value_text
from bench.command.run_benchmarks import Results


def results_table(results: Results) -> Table:
    table = Table("benchmark", "measured", "against", "value", "goal", "verdict")
    for row in results.measurements:
        verdict = Text("met", "green") if row.met else Text("missed", "red")
        table.add_row(
            *(Text(cell) for cell in (row.benchmark, row.what, row.baseline)),
            value_text(row.value, row.unit),
            str(row.goal),
            verdict,
        )
    for name in results.errors:
        table.add_row(name, "-", "-", "-", "-", Text("failed", "red"))
    return table

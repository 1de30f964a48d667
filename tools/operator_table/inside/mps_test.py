"""The column of MPS, in the toolchain of an ExecuTorch that has it: tests/end_to_end/older_executorch_test.py."""

from __future__ import annotations

from operator_table.columns import COLUMNS
from operator_table.inside.judge import judge
from operator_table.inside.rows import rows
from operator_table.page import PAGE, read_cells


def test_the_page_is_current() -> None:
    cells = read_cells(PAGE.read_text(encoding="utf-8"))["mps"]
    assert {name: judge(row, COLUMNS["mps"]) for name, row in rows().items()} == cells

"""All rows of docs/operators.md."""

from __future__ import annotations

import pytest

from operator_table.columns import COLUMNS
from operator_table.inside.judge import judge
from operator_table.inside.rows import rows
from operator_table.page import PAGE, read_cells

# MPS is in an older ExecuTorch, see `mps_test.py`.
HERE = [backend for backend, column in COLUMNS.items() if column.toolchain != "executorch_1_4"]


@pytest.mark.parametrize("backend", HERE)
def test_the_page_is_current(backend: str) -> None:
    cells = read_cells(PAGE.read_text(encoding="utf-8"))[backend]
    assert {name: judge(row, COLUMNS[backend]) for name, row in rows().items()} == cells

"""Some rows of docs/operators.md; `all_rows_test.py` judges all of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from operator_table.columns import COLUMNS
from operator_table.inside.judge import judge
from operator_table.inside.rows import Row, rows
from operator_table.page import PAGE, read_cells

CELLS = read_cells(PAGE.read_text(encoding="utf-8"))
# What can lower here: MPS is in an older ExecuTorch, see `mps_test.py`.
HERE = [backend for backend, column in COLUMNS.items() if column.toolchain != "executorch_1_4"]
# Each kind of cell, and each option of a column.
SAMPLE = {
    "portable": ("nn.Conv2d", "torch.mode"),
    "xnnpack": ("nn.Hardsigmoid", "torch.topk"),
    "coreml": ("nn.ConvTranspose1d", "torch.topk"),
    "vulkan": ("nn.Conv2d", "nn.ConvTranspose1d"),
}


def test_the_page_has_all_rows() -> None:
    assert [[*column] for column in CELLS.values()] == [[*rows()]] * len(COLUMNS)


@pytest.mark.parametrize("backend", HERE)
def test_some_rows_are_current(backend: str) -> None:
    found = {name: judge(rows()[name], COLUMNS[backend]) for name in SAMPLE[backend]}
    assert found == {name: CELLS[backend][name] for name in SAMPLE[backend]}


def test_a_wrong_program_is_no_cell() -> None:
    """The model that is compared with is another one than the program's."""

    class Changed(Row):
        def module(self) -> torch.nn.Module:
            return torch.nn.Tanh()

    row = rows()["nn.Sigmoid"]
    with pytest.raises(AssertionError, match="nn.Sigmoid"):
        judge(Changed(row.group, row.name, row.make, row.inputs), COLUMNS["xnnpack"])


def test_a_part_that_is_left_over_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def both(x: Tensor) -> Tensor:
        return torch.cumsum(torch.sigmoid(x), 1)

    row = replace(rows()["nn.Sigmoid"], name="both", make=lambda: both)
    monkeypatch.setattr("operator_table.inside.model.rows", lambda: {"both": row})
    assert judge(row, COLUMNS["xnnpack"]) == "delegate but `cumsum`"

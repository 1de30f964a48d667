from __future__ import annotations

import re

import pytest

from operator_table.columns import COLUMNS
from operator_table.page import PAGE, read_cells, with_tables

ROWS = [("Layers", "nn.Conv2d"), ("Layers", "nn.LSTM"), ("Sums", "x + y, all of them")]
CAUSES = {"kernel": "Write it otherwise", "random": "Take it as an input"}
_CELL = re.compile(
    r"delegate|kernels|fails|delegate but (`\w+`(, )?)+(\d+ more)?|no: [a-z]+( `\w+`)*"
)


def committed() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_what_is_written_is_read() -> None:
    cells = {
        backend: {name: f"no: kernel `{backend}{n}`" for n, (_, name) in enumerate(ROWS)}
        for backend in COLUMNS
    }
    page = with_tables(committed(), ROWS, cells, CAUSES)
    assert read_cells(page) == cells
    assert "## Layers\n" in page and "## Sums\n" in page
    # Only those that a cell names.
    assert "| kernel | Write it otherwise |" in page and "Take it as an input" not in page
    assert with_tables(page, ROWS, cells, CAUSES) == page
    assert page.partition("<!--")[0] == committed().partition("<!--")[0]


def test_a_page_without_its_comments() -> None:
    with pytest.raises(ValueError, match="has lost the comments"):
        read_cells("# Operators")


def test_the_committed_page_is_whole() -> None:
    cells = read_cells(committed())
    names = {tuple(column) for column in cells.values()}
    (rows,) = names
    assert len(rows) > 80
    odd = {
        f"{backend}: {name}: {cell}"
        for backend, column in cells.items()
        for name, cell in column.items()
        if not _CELL.fullmatch(cell)
    }
    assert odd == set()


def test_portable_has_no_delegate() -> None:
    assert not any(
        cell.startswith("delegate") for cell in read_cells(committed())["portable"].values()
    )

from __future__ import annotations

import pytest

from pte_foundry.testing.operator_table import BACKENDS, OPERATORS, PAGE, support

_LINES = {
    cells[1].strip(): [cell.strip() for cell in cells[2:-1]]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if len(cells := line.split("|")) == len(BACKENDS) + 3
}


@pytest.mark.parametrize("operator", OPERATORS)
def test_the_page_says_what_becomes_of_it(operator: str) -> None:
    assert _LINES[operator] == [support(operator, backend) for backend in BACKENDS]


def test_the_page_has_nothing_else() -> None:
    assert _LINES.keys() == {*OPERATORS, "operator", "---"}

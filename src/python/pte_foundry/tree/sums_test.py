from __future__ import annotations

import pytest

from pte_foundry.errors import PteError
from pte_foundry.tree.sums import sha256sums


def test_lines_are_sorted_by_path() -> None:
    assert sha256sums({"b": "1" * 64, "a/c": "0" * 64}) == f"{'0' * 64}  a/c\n{'1' * 64}  b\n"


def test_a_path_with_a_line_break_is_refused() -> None:
    with pytest.raises(PteError):
        sha256sums({"a\nb": "0" * 64})

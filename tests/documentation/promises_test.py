"""The promises of docs/hermeticity.md and SECURITY.md: each names tests that show it, and these exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from documentation.markdown_text import inline_code
from pte_foundry.testing.hostile.confinement_attacks import ATTACKS

PAGE = Path("docs/hermeticity.md")
SECURITY = Path("SECURITY.md")
FOLDERS = ("src/python/pte_foundry", "src/python/pte_foundry/confinement", "tests/end_to_end")


def table(heads: str, page: Path = PAGE) -> list[list[str]]:
    """The cells of each row of the page's table with these heads."""
    _, _, rest = page.read_text("utf-8").partition(f"\n{heads}\n")
    rows = re.match(r"(?:\|.*\n)*", rest)
    assert rows is not None and rows[0].count("\n") > 1, f"{page} has no table {heads}"
    return [[cell.strip() for cell in row[1:-1].split("|")] for row in rows[0].splitlines()[1:]]


@pytest.fixture(scope="module")
def shown() -> dict[str, tuple[list[str], list[str]]]:
    """Each promise with its attacks and its tests."""
    rows = table("| promise | attacks | tests |")
    return {row[0]: (inline_code(row[1]), inline_code(row[2])) for row in rows}


def test_each_promise_has_something_that_shows_it(
    shown: dict[str, tuple[list[str], list[str]]],
) -> None:
    assert [row[0] for row in table("| | how | where |")] == list(shown)
    assert [promise for promise, each in shown.items() if not any(each)] == []


def test_each_attack_is_promised_against_and_exists(
    shown: dict[str, tuple[list[str], list[str]]],
) -> None:
    assert {name for attacks, _ in shown.values() for name in attacks} == set(ATTACKS)
    assert [name for name, attack in ATTACKS.items() if not attack.refused_by] == []


def test_each_named_test_exists(shown: dict[str, tuple[list[str], list[str]]]) -> None:
    for name in {name for _, tests in shown.values() for name in tests}:
        file, _, function = name.partition("::")
        path = next(path for folder in FOLDERS if (path := Path(folder, file)).exists())
        assert f"\ndef {function}(" in path.read_text("utf-8"), name


def test_each_promise_of_the_security_page_is_shown_by_tests_that_exist() -> None:
    for promise, shown_by in table("| promise | tests |", SECURITY):
        names = inline_code(shown_by)
        assert names or "docs/hermeticity.md" in shown_by, promise
        for name in names:
            file, _, function = name.partition("::")
            assert f"\ndef {function}(" in Path(file).read_text("utf-8"), name

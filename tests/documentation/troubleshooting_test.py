"""Each kind of error can be looked up, and what the page quotes is what the sources say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from documentation.error_messages import Sources, read_sources
from documentation.markdown_text import inline_code
from pte_foundry.validation.case import Kind

PAGE = Path("docs/troubleshooting.md")
# The chapters whose first column quotes our own messages.
QUOTING = ("Messages of the build", "Messages of ./pants", "Messages of the commands")


def chapters(page: str) -> dict[str, str]:
    """Title to text, for the second-level headings."""
    parts = re.split(r"^## (.+)$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def first_cells(chapter: str) -> list[str]:
    """The first column of the tables, without their heads."""
    rows = [line for line in chapter.splitlines() if line.startswith("| ")]
    return [cell for row in rows if (cell := row.split("|")[1].strip()) not in ("kind", "message")]


@pytest.fixture(scope="module")
def sources() -> Sources:
    return read_sources(Path())


@pytest.fixture(scope="module")
def explained() -> set[str]:
    rows = first_cells(chapters(PAGE.read_text(encoding="utf-8"))["Kinds"])
    return {code for row in rows for code in inline_code(row)}


def test_each_kind_of_error_has_a_row(sources: Sources, explained: set[str]) -> None:
    assert len(sources.kinds) > 20, "the sources were not read"
    missing = {kind: files for kind, files in sources.kinds.items() if kind not in explained}
    assert missing == {}, f"add a row to {PAGE} for each: what it means, what to do"


def test_each_kind_of_case_has_a_row(explained: set[str]) -> None:
    assert set(get_args(Kind)) - explained == set(), f"add a row to {PAGE} for each"


def test_no_row_is_about_a_kind_that_is_gone(sources: Sources, explained: set[str]) -> None:
    assert explained - set(sources.kinds) - set(get_args(Kind)) == set()


def test_each_quoted_phrase_is_in_the_sources(sources: Sources) -> None:
    page = chapters(PAGE.read_text(encoding="utf-8"))
    phrases = [
        code for title in QUOTING for cell in first_cells(page[title]) for code in inline_code(cell)
    ]
    assert len(phrases) > 40, "the tables were not read"
    assert [phrase for phrase in phrases if not sources.say(phrase)] == []

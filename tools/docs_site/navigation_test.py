from __future__ import annotations

from pathlib import Path

from docs_site.navigation import CHAPTERS, REST, navigation


def test_pages_come_in_order_and_unknown_ones_last() -> None:
    assert navigation(["new.md", "weights.md", "index.md", "about.md"]) == [
        {"Begin": ["index.md"]},
        {"Models": ["weights.md"]},
        {REST: ["about.md", "new.md"]},
    ]


def test_no_page_has_two_places() -> None:
    names = [name for chapter in CHAPTERS.values() for name in chapter]
    assert len(set(names)) == len(names)


def test_the_pages_of_this_repository_have_a_chapter() -> None:
    """Reminds whoever adds a page to say where it belongs."""
    chapters = navigation(page.name for page in Path("docs").glob("*.md"))
    assert {REST: []} not in chapters
    assert [chapter[REST] for chapter in chapters if REST in chapter] == []

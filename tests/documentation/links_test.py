"""Links within the repository lead somewhere. The site's own build checks those among its pages again."""

from __future__ import annotations

from pathlib import Path

import pytest

from documentation.documented import pages
from documentation.markdown_text import anchors, links


def dead_links(page: Path) -> list[str]:
    """The relative links of a page that lead to no file, or to no heading of one."""
    dead = []
    for link in links(page.read_text(encoding="utf-8")):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (
            anchor and anchor not in anchors(target.read_text(encoding="utf-8"))
        ):
            dead.append(link)
    return dead


def test_there_are_pages() -> None:
    assert {"README.md", "docs/index.md", "models/yolo/README.md"} <= {
        str(page) for page in pages()
    }


@pytest.mark.parametrize("page", pages(), ids=str)
def test_no_link_is_dead(page: Path) -> None:
    assert dead_links(page) == []


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One two\n[a](b.md) [c](page.md#one-two) [d](#three) [e](https://x.invalid/)\n"
    )
    assert dead_links(page) == ["b.md", "#three"]

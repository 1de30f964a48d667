from __future__ import annotations

import re
from pathlib import Path

import pytest
from mkdocs.exceptions import MkDocsException

from docs_site.build_site import PAGES, build_site

# What a browser fetches by itself: scripts, styles, pictures, fonts, frames. Links are followed by people.
_FETCHED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\bsrc=["']?([^"' >]+)"""
    r"""|<link\b(?=[^>]*\brel=["']?(?:stylesheet|preload|icon|preconnect|dns-prefetch))[^>]*\bhref=["']?([^"' >]+)"""
    r"""|url\(["']?([^"')]+)|@import\s+["']([^"']+)"""
)
# Material fetches Mermaid from elsewhere if a page has such a diagram, and the stars of a repository if one is named.
_FETCHING = re.compile(r"""class=["'][^"']*\bmermaid\b|data-md-component=["']?source\b""")


def contents(site: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(site)): file.read_bytes()
        for file in sorted(site.rglob("*"))
        if file.is_file()
    }


def foreign(text: str) -> list[str]:
    """What a page or a style sheet makes a browser fetch from another host."""
    fetched = [next(filter(None, groups)) for groups in _FETCHED.findall(text)]
    found = [address for address in fetched if re.match(r"(https?:)?//", address)]
    return found + _FETCHING.findall(text)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = tmp_path_factory.mktemp("dist") / "docs"
    build_site(PAGES, site)
    return site


def test_each_page_is_there_and_nothing_else_of_ours(site: Path) -> None:
    pages = {page.stem for page in PAGES.glob("*.md")}
    assert len(pages) > 10
    assert {page.stem for page in site.glob("*.html")} == pages | {"404"}
    assert (site / "architecture.svg").is_file()
    assert not list(site.rglob("BUILD"))


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    files = [file for file in site.rglob("*") if file.suffix in (".html", ".css", ".svg")]
    assert len(files) > 10
    found = {file.name: foreign(file.read_text(encoding="utf-8")) for file in files}
    assert {name: addresses for name, addresses in found.items() if addresses} == {}


@pytest.mark.parametrize(
    "text",
    [
        '<script async src="https://a.invalid/x.js">',
        '<link rel="stylesheet" href="//a.invalid/x.css">',
        "<link href=https://a.invalid rel=preconnect>",
        "@font-face { src: url(https://a.invalid/x.woff2) }",
        '<pre class="mermaid">',
        '<a href="https://a.invalid" data-md-component="source">',
    ],
)
def test_what_is_loaded_from_elsewhere_is_found(text: str) -> None:
    assert len(foreign(text)) == 1
    assert foreign('<a href="https://a.invalid">there</a><img src="here.svg">') == []


def test_the_same_pages_give_the_same_bytes(site: Path, tmp_path: Path) -> None:
    again = tmp_path / "elsewhere" / "docs"
    build_site(PAGES, again)
    assert contents(again) == contents(site)


@pytest.mark.parametrize("link", ["gone.md", "index.md#gone", "/absolute.md"])
def test_a_dead_link_fails_and_what_was_there_stays(tmp_path: Path, link: str) -> None:
    pages, site = tmp_path / "docs", tmp_path / "dist" / "docs"
    pages.mkdir()
    (pages / "index.md").write_text("# Fine\n")
    build_site(pages, site)
    before = contents(site)
    (pages / "index.md").write_text(f"# Title\n[a]({link})\n")
    with pytest.raises(MkDocsException, match="1 warning"):
        build_site(pages, site)
    assert contents(site) == before
    assert [file.name for file in site.parent.iterdir()] == ["docs"]


def test_relative_paths_are_those_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# Fine\n")
    monkeypatch.chdir(tmp_path)
    build_site(Path("docs"), Path("dist/docs"))
    assert (tmp_path / "dist" / "docs" / "index.html").is_file()

"""The pages in a real browser, as files of an unpacked tree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

PAGES = ("index.html", "models/mobilenet_v3_small.html")
DESKTOP, PHONE = (1280, 900), (360, 740)


@dataclass
class Seen:
    """What a page did besides being shown."""

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@contextmanager
def opened(
    browser: Browser,
    file: Path,
    size: tuple[int, int] = DESKTOP,
    scheme: Literal["light", "dark"] = "light",
    javascript: bool = True,
) -> Iterator[tuple[Page, Seen]]:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        java_script_enabled=javascript,
    )
    seen = Seen()
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on("console", lambda message: seen.complaints.append(message.text))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    try:
        page.goto(file.as_uri(), wait_until="networkidle")
        yield page, seen
    finally:
        context.close()


def rows(page: Page) -> list[str]:
    """The backends of the rows that are shown."""
    shown = page.locator("tr[data-backend]:visible")
    return [each.get_attribute("data-backend") or "" for each in shown.all()]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_shown_without_errors_and_loads_nothing_else(
    browser: Browser, catalogue: Path, name: str
) -> None:
    with opened(browser, catalogue / name) as (page, seen):
        assert sorted(rows(page)) == ["portable", "xnnpack"]
        pictures = page.locator("img").all()
        assert all(each.evaluate("image => image.naturalWidth > 100") for each in pictures)
        assert seen.complaints == []
        expected = {(catalogue / name).as_uri()}
        if name != "index.html":
            assert page.locator("svg.plot:visible").count() == 3
            expected.add((catalogue / "measured/mobilenet_v3_small.svg").as_uri())
        assert set(seen.requests) == expected


def test_the_filters_hide_what_does_not_fit(browser: Browser, catalogue: Path) -> None:
    with opened(browser, catalogue / "index.html") as (page, seen):
        said = page.locator("output")
        assert said.inner_text() == "2 of 2 programs"
        page.get_by_label("Platform").select_option("Android")
        assert rows(page) == ["xnnpack"] and said.inner_text() == "1 of 2 programs"
        page.get_by_label("Backend").select_option("portable")
        assert rows(page) == [] and said.inner_text() == "0 of 2 programs"
        assert not page.get_by_role("link", name="mobilenet_v3_small", exact=True).is_visible()
        page.get_by_label("Platform").select_option("any")
        assert rows(page) == ["portable"]
        page.get_by_role("button", name="Show all").click()
        page.get_by_label("Task").select_option("image classification")
        assert sorted(rows(page)) == ["portable", "xnnpack"]
        assert seen.complaints == []


def test_a_hash_is_copied_whole(browser: Browser, catalogue: Path) -> None:
    with opened(browser, catalogue / "index.html") as (page, _):
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        button = page.get_by_role("button", name="Copy the SHA-256 of").first
        button.click()
        # The clipboard answers later.
        expect(button).to_have_text("Copied")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == page.locator("code.hash").first.text_content() and len(copied) == 64


def test_the_link_of_a_model_leads_to_its_page_and_back(browser: Browser, catalogue: Path) -> None:
    with opened(browser, catalogue / "index.html") as (page, _):
        page.get_by_role("link", name="mobilenet_v3_small", exact=True).click()
        assert page.url == (catalogue / PAGES[1]).as_uri()
        page.get_by_role("link", name="All programs").first.click()
        assert page.url == (catalogue / "index.html").as_uri()


def test_all_is_there_without_javascript(browser: Browser, catalogue: Path) -> None:
    with opened(browser, catalogue / "index.html", javascript=False) as (page, _):
        assert sorted(rows(page)) == ["portable", "xnnpack"]
        assert not page.locator("form").is_visible()
        assert page.locator("button:visible").count() == 0
    with opened(browser, catalogue / PAGES[1], javascript=False) as (page, _):
        page.get_by_text("Kotlin", exact=True).click()
        assert page.get_by_text("fun preprocess").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
@pytest.mark.parametrize("name", PAGES)
def test_the_pages_are_accessible(
    browser: Browser,
    catalogue: Path,
    name: str,
    size: tuple[int, int],
    scheme: Literal["light", "dark"],
) -> None:
    with opened(browser, catalogue / name, size, scheme) as (page, _):
        for each in page.locator("details").all():
            each.evaluate("details => details.open = true")
        results = Axe().run(page)
        assert results.response["passes"], "axe-core looked at nothing"
        problems = [
            f"{each['id']}: {node['html']}"
            for each in results.response["violations"]
            for node in each["nodes"]
        ]
        assert problems == []
        # Wide things scroll by themselves, the page does not.
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_light_and_dark_differ(browser: Browser, catalogue: Path) -> None:
    colours = {}
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        with opened(browser, catalogue / PAGES[1], scheme=scheme) as (page, _):
            colours[scheme] = [
                page.locator(what).first.evaluate(f"element => getComputedStyle(element).{style}")
                for what, style in (("body", "backgroundColor"), ("svg .series0", "fill"))
            ]
    assert all(light != dark for light, dark in zip(colours["light"], colours["dark"]))

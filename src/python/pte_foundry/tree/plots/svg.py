"""SVG pictures as text: the same bytes on every machine, every string escaped, no font or style from elsewhere.

Colours are names (`ink`, `faint`, `line`, `series0` and so on) that a style sheet defines: the page's if the picture is
part of a page, its own if it is a file.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal
from xml.etree import ElementTree

Anchor = Literal["start", "middle", "end"]

_NO_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

FONT_SIZE = 12
_CHARACTER = 6.7
"""Width of an average character of a sans-serif font at `FONT_SIZE`, in pixels; a little generous."""

LIGHT = {
    "ink": "#1c2430",
    "faint": "#5b6676",
    "line": "#d5dae1",
    "series0": "#2f6fb7",
    "series1": "#8d9aab",
    "series2": "#c7772b",
    "series3": "#4a8f5c",
}
DARK = {
    "ink": "#e4e8ee",
    "faint": "#9ca8b8",
    "line": "#39424f",
    "series0": "#6aa5e6",
    "series1": "#76849a",
    "series2": "#e29b56",
    "series3": "#79bd8a",
}
SERIES = tuple(name for name in LIGHT if name.startswith("series"))


@dataclass
class Picture:
    """Shapes, drawn one over the other. Lengths are CSS pixels, from the upper left corner.

    Attributes:
        title: what screen readers read out in place of the picture.
    """

    title: str
    width: float
    height: float
    shapes: list[ElementTree.Element] = field(default_factory=list)

    def text(
        self, x: float, y: float, words: str, colour: str = "ink", anchor: Anchor = "start"
    ) -> None:
        """Words whose base line is at `y`."""
        shape = self._add("text", colour, x=x, y=y)
        if anchor != "start":
            shape.set("text-anchor", anchor)
        shape.text = clean(words)

    def box(
        self, x: float, y: float, width: float, height: float, colour: str, hint: str = ""
    ) -> None:
        """A filled rectangle; `hint` is shown where the pointer rests on it."""
        _hint(self._add("rect", colour, x=x, y=y, width=width, height=height), hint)

    def dot(self, x: float, y: float, radius: float, colour: str, hint: str = "") -> None:
        _hint(self._add("circle", colour, cx=x, cy=y, r=radius), hint)

    def rule(self, x1: float, y1: float, x2: float, y2: float, colour: str = "line") -> None:
        """A straight line, one pixel wide."""
        shape = self._add("line", colour, x1=x1, y1=y1, x2=x2, y2=y2)
        shape.set("class", f"{colour}-stroke")

    def in_page(self) -> str:
        """For HTML: coloured by the page's style sheet."""
        return _serialise(self._root())

    def as_file(self) -> str:
        """A separate file, which follows the reader's choice of light or dark, even as an `img`."""
        root = self._root()
        root.set("xmlns", "http://www.w3.org/2000/svg")
        style = ElementTree.Element("style")
        style.text = style_sheet("svg")
        root.insert(1, style)
        return _serialise(root) + "\n"

    def _root(self) -> ElementTree.Element:
        root = ElementTree.Element(
            "svg",
            {
                "class": "plot",
                "role": "img",
                "viewBox": f"0 0 {_number(self.width)} {_number(self.height)}",
                "width": _number(self.width),
                "height": _number(self.height),
            },
        )
        root.set("aria-label", clean(self.title))
        title = ElementTree.SubElement(root, "title")
        title.text = clean(self.title)
        root.extend(self.shapes)
        return root

    def _add(self, tag: str, colour: str, **lengths: float) -> ElementTree.Element:
        if colour not in LIGHT:
            raise ValueError(f"no colour is called {colour!r}; there are {sorted(LIGHT)}")
        attributes = {name: _number(value) for name, value in lengths.items()}
        shape = ElementTree.Element(tag, {"class": colour, **attributes})
        self.shapes.append(shape)
        return shape


def style_sheet(selector: str) -> str:
    """CSS that defines the colours of pictures below `selector`, for light and dark."""
    return (
        f"{selector}{{font:{FONT_SIZE}px system-ui,-apple-system,'Segoe UI',sans-serif}}"
        f"{''.join(_rules(selector, LIGHT))}"
        f"@media(prefers-color-scheme:dark){{{''.join(_rules(selector, DARK))}}}"
    )


def text_width(words: str) -> float:
    """About how wide a text will be, in pixels: fonts differ, so leave room."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in words)
    return _CHARACTER * (len(words) + wide)


def clean(words: str) -> str:
    """Without the characters that XML 1.0 cannot hold, not even escaped (https://www.w3.org/TR/xml/#charsets)."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", words)


def _rules(selector: str, colours: dict[str, str]) -> Iterator[str]:
    for name, value in colours.items():
        yield f"{selector} .{name}{{fill:{value}}}{selector} .{name}-stroke{{stroke:{value}}}"


def _hint(shape: ElementTree.Element, hint: str) -> None:
    if hint:
        ElementTree.SubElement(shape, "title").text = clean(hint)


def _number(value: float) -> str:
    """At most 2 decimals: nobody sees a hundredth of a pixel, and this hides how machines round."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _serialise(root: ElementTree.Element) -> str:
    return ElementTree.tostring(root, encoding="unicode")


def legend(picture: Picture, x: float, y: float, names: Sequence[str]) -> None:
    """The names of the series with their colours, from left to right."""
    for name, colour in zip(names, SERIES):
        picture.box(x, y - 9, 10, 10, colour)
        picture.text(x + 15, y, name, "faint")
        x += 15 + text_width(name) + 18

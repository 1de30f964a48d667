from __future__ import annotations

from xml.etree import ElementTree

import pytest

from pte_foundry.tree.plots.svg import DARK, LIGHT, Picture

NAMESPACE = "{http://www.w3.org/2000/svg}"
HOSTILE = '</title><script>alert(1)</script>"&\x00\ud800'


def test_words_are_escaped_and_what_xml_cannot_hold_is_replaced() -> None:
    picture = Picture(HOSTILE, 100, 50)
    picture.text(1, 2, HOSTILE)
    picture.box(1, 2, 3, 4, "series0", HOSTILE)
    for text in (picture.in_page(), picture.as_file()):
        assert "<script>" not in text
        root = ElementTree.fromstring(text)
        assert [e.tag for e in root.iter() if "script" in e.tag] == []
        assert root.attrib["aria-label"] == '</title><script>alert(1)</script>"&\ufffd\ufffd'


def test_a_file_has_a_style_for_light_and_dark_and_a_part_of_a_page_has_none() -> None:
    picture = Picture("a picture", 100, 50)
    root = ElementTree.fromstring(picture.as_file())
    style = root.find(f"{NAMESPACE}style")
    assert style is not None and style.text is not None
    light, _, dark = style.text.partition("@media(prefers-color-scheme:dark)")
    for name in LIGHT:
        assert f"svg .{name}{{fill:{LIGHT[name]}}}" in light
        assert f"svg .{name}{{fill:{DARK[name]}}}" in dark
    assert "<style" not in picture.in_page()
    assert root.find(f"{NAMESPACE}title") is not None and root.attrib["role"] == "img"


@pytest.mark.parametrize(
    ("value", "text"), [(0.1 + 0.2, "0.3"), (-0.001, "0"), (12.0, "12"), (1 / 3, "0.33")]
)
def test_lengths_have_two_decimals(value: float, text: str) -> None:
    picture = Picture("a picture", 100, 50)
    picture.rule(value, 0, 1, 1)
    assert f'x1="{text}"' in picture.in_page()


def test_a_colour_that_no_style_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="no colour is called 'red'"):
        Picture("a picture", 100, 50).box(0, 0, 1, 1, "red")

from __future__ import annotations

import pytest

from pte_foundry.records.outside_text import LONGEST_MESSAGE, plain, shown


@pytest.mark.parametrize("text", ["", "plain", "Grüße, 東京", "a " * 100])
def test_what_prints_stays(text: str) -> None:
    assert plain(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\r\nb", "a\\r\\nb"),
        ("a\x9b2J", "a\\x9b2J"),  # One character that some terminals read as ESC [.
        ("a\ud800", "a\\ud800"),
        ("a\u202etxt.exe", "a\\u202etxt.exe"),
        ("a\u2066b\u2069", "a\\u2066b\\u2069"),
        ("a\u2028b", "a\\u2028b"),
        ("a\u200bb", "a\\u200bb"),
        ("a\U000e0041b", "a\\U000e0041b"),
    ],
)
def test_what_does_not_print_is_escaped(text: str, expected: str) -> None:
    assert plain(text) == expected


@pytest.mark.parametrize("character", ["a", "\x1b", "\ud800", "\U000e0041"])
@pytest.mark.parametrize("longest", [LONGEST_MESSAGE, 100])
def test_a_message_is_bounded_and_keeps_its_end(character: str, longest: int) -> None:
    told = plain("begin" + character * 1_000_000 + "end", longest)
    assert len(told) <= longest
    assert told.isprintable()
    assert told.startswith("begin")
    assert told.endswith("end")
    told.encode()


def deep() -> object:
    value: object = 1
    for _ in range(5_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value", ["x" * 1_000_000, list(range(100_000)), {str(n): n for n in range(100_000)}, 10**4000]
)
def test_a_value_is_shown_in_few_characters(value: object) -> None:
    assert len(shown(value)) < 1_000


def test_a_deep_value_is_shown() -> None:
    assert shown(deep()) == "[[[[[...]]]]]"


@pytest.mark.parametrize("value", [None, True, -1, 1.5, "x", "x\x1b", [1, "a"], {"a": [1]}])
def test_a_small_value_is_shown_whole(value: object) -> None:
    assert shown(value) == repr(value)

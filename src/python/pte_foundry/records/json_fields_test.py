from __future__ import annotations

from collections.abc import Callable

import pytest

from pte_foundry.errors import PteError
from pte_foundry.records.json_fields import Fields


@pytest.mark.parametrize(
    ("value", "access"),
    [
        ("", Fields.text),
        (1, Fields.text),
        ("A" * 64, Fields.sha256),
        ("a" * 63, Fields.sha256),
        (True, Fields.count),
        (-1, Fields.count),
        (1.0, Fields.count),
        ("1", Fields.number),
        (False, Fields.number),
        (float("inf"), Fields.number),
        ([], Fields.nested),
        ({}, Fields.texts),
        (["a", ""], Fields.texts),
        ([1, -1], Fields.counts),
        ([{}, 1], Fields.objects),
        ({"a": 1}, Fields.text_map),
        ({"a": "1"}, Fields.count_map),
        (0, Fields.optional_text),
    ],
)
def test_a_wrong_type_is_an_error_that_names_the_place(
    value: object, access: Callable[[Fields, str], object]
) -> None:
    with pytest.raises(PteError, match="request.json: ") as caught:
        access(Fields({"x": value}, "request.json"), "x")
    assert caught.value.kind == "bad-request"


def test_a_missing_field_is_an_error_even_where_null_is_allowed() -> None:
    with pytest.raises(PteError, match="`x` is missing"):
        Fields({}, "request.json").optional_text("x")


def test_good_values_come_through() -> None:
    fields = Fields({"n": None, "i": 3, "f": 2, "o": {"a": 1}, "l": ["a"]}, "here")
    assert fields.optional_number("n") is None
    assert fields.count("i") == 3
    assert isinstance(fields.number("f"), float)
    assert fields.count_map("o") == {"a": 1}
    assert fields.texts("l") == ("a",)


def test_a_nested_error_names_the_path_to_it() -> None:
    with pytest.raises(PteError, match=r"here: list\[1\]: `name` is missing"):
        Fields({"list": [{"name": "a"}, {}]}, "here").objects("list")[1].text("name")

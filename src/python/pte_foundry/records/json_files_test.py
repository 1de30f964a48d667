from __future__ import annotations

from pathlib import Path

import pytest

from pte_foundry.errors import PteError
from pte_foundry.records.json_files import canonical_json, parse_json, read_json, write_json


def test_the_text_does_not_depend_on_the_order_of_keys() -> None:
    assert canonical_json({"b": {"d": 1, "c": "ü"}, "a": []}) == (
        '{\n  "a": [],\n  "b": {\n    "c": "ü",\n    "d": 1\n  }\n}\n'
    )


def test_what_is_written_is_read_back_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": [1, None, "é"]})
    assert read_json(tmp_path / "a.json") == {"x": [1, None, "é"]}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_an_old_file_survives_a_value_that_cannot_be_written(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": 1})
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert read_json(tmp_path / "a.json") == {"x": 1}


@pytest.mark.parametrize(
    "content", [b"", b"[1]", b"{", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"\xff", b"[" * 100_000]
)
def test_anything_but_one_json_object_is_refused_by_file_name(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "request.json").write_bytes(content)
    with pytest.raises(PteError, match="request.json") as caught:
        read_json(tmp_path / "request.json")
    assert caught.value.kind == "bad-request"


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(PteError, match="absent.json"):
        read_json(tmp_path / "absent.json")


MANY = ",".join(f'"{number}": 0' for number in range(100_000))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"a": 1e400}', "too large"),
        ('{"a": [-1E999]}', "too large"),
        ('{"a": ' + "9" * 5_000 + "}", "4300"),
        ('{"a": "\\ud800"}', "surrogate"),
        ('{"\\uDFFF": 1}', "surrogate"),
        ('{"a": ' + "[" * 5_000 + "]" * 5_000 + "}", "deep"),
        ("{" + MANY + ', "5": 1}', "the key '5' appears twice"),
        ('{"' + "k" * 5_000_000 + '": 1, "' + "k" * 5_000_000 + '": 2}', "appears twice"),
        ("\ufeff{}", "BOM"),
    ],
)
def test_what_would_be_read_differently_elsewhere_is_refused_in_few_words(
    content: str, told: str
) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        parse_json(content.encode())
    assert len(str(caught.value)) <= 300
    assert str(caught.value).isprintable()


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert parse_json(b'["\\ud83d\\ude00", "\\\\ud800"]') == ["\U0001f600", "\\ud800"]

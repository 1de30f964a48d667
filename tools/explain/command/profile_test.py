from __future__ import annotations

import json
from io import StringIO
from typing import Any

from rich.console import Console

from explain.command.profile import parse_profile, profile_json, profile_picture, profile_texts


def call(kind: str, name: str, milliseconds: float, **parts: float) -> dict[str, Any]:
    told = [{"name": part, "milliseconds": time} for part, time in parts.items()]
    return {"kind": kind, "name": name, "milliseconds": milliseconds, "parts": told}


def document(*calls: dict[str, Any]) -> str:
    return json.dumps({"threads": 1, "runs": 20, "milliseconds": 10.0, "calls": calls})


CALLS = (
    call("operator", "aten::add.out", 1.0),
    call("delegate", "XnnpackBackend", 5.0, conv=3.0, relu=1.5),
    call("operator", "aten::add.out", 1.5),
    call("delegate", "XnnpackBackend", 2.0, conv=2.0),
)


def text(*calls: dict[str, Any]) -> list[list[str]]:
    file = StringIO()
    for each in profile_texts("models/a:b", parse_profile(document(*calls))):
        Console(file=file, width=150).print(each)
    return [[cell.strip() for cell in line.split("│")] for line in file.getvalue().splitlines()]


def test_equal_names_are_one_row_and_the_slowest_is_first() -> None:
    lines = text(*CALLS)
    assert lines[0] == ["models/a:b: 10.000 ms on the CPU with 1 thread, median of 20 runs"]
    rows = [line[1:-1] for line in lines if len(line) == 6]
    assert rows == [
        ["XnnpackBackend", "2", "7.000", "70.0"],
        ["XnnpackBackend: conv", "2", "5.000", "50.0"],
        ["aten::add.out", "2", "2.500", "25.0"],
        ["XnnpackBackend: relu", "1", "1.500", "15.0"],
    ]


def test_a_delegate_that_measures_nothing_itself_is_one_row() -> None:
    (share,) = parse_profile(document(call("delegate", "A", 3.0))).shares
    assert (share.name, share.calls, share.milliseconds) == ("A", 1, 3.0)


def test_the_picture_and_the_table_have_the_slowest_and_the_sum_of_the_others() -> None:
    calls = [call("operator", f"aten::op{number}", number) for number in range(1, 41)]
    rows = [line[1:-1] for line in text(*calls) if len(line) == 6]
    assert rows[0][0] == "aten::op40" and rows[-1][:3] == ["10 others", "10", "55.000"]
    picture = profile_picture("models/a:b", parse_profile(document(*calls)))
    assert picture.startswith("<svg") or picture.startswith("<?xml")
    assert "aten::op40" in picture and "10 others" in picture and "aten::op10<" not in picture


def test_json_has_everything() -> None:
    found = json.loads(profile_json("models/a:b", parse_profile(document(*CALLS))))
    assert (found["address"], found["milliseconds"], found["runs"]) == ("models/a:b", 10.0, 20)
    assert found["delegates"] == [{"name": "XnnpackBackend", "calls": 2, "milliseconds": 7.0}]
    assert len(found["shares"]) == 3

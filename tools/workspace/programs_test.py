from __future__ import annotations

from pathlib import Path

import pytest

from workspace.errors import ToolError
from workspace.programs import Program, parse_peek

PEEKED: list[dict[str, object]] = [
    {"address": "models/a:two", "target_type": "pte_program", "output_path": "else/x.pte"},
    {"address": "models/a:one", "target_type": "pte_program"},
    {"address": "models/a:weights", "target_type": "model_weights"},
    {"address": "//:top", "target_type": "pte_program", "output_path": None},
]


def test_programs_and_where_they_are_written() -> None:
    assert parse_peek(PEEKED, ["models/a::", "//:top"]) == (
        Program("//:top", Path("top.pte")),
        Program("models/a:one", Path("models/a/one.pte")),
        Program("models/a:two", Path("else/x.pte")),
    )


@pytest.mark.parametrize("spec", ["models/a:weights", "//models/a:weights"])
def test_another_kind_of_target_is_refused_if_it_is_named(spec: str) -> None:
    with pytest.raises(ToolError, match=f"{spec} is a model_weights, not a pte_program"):
        parse_peek(PEEKED, ["models/a:one", spec])


def test_an_unavailable_program_is_skipped_unless_named() -> None:
    shut: dict[str, object] = {
        "address": "models/c:shut",
        "target_type": "pte_program",
        "unavailable": "too slow",
    }
    open_: dict[str, object] = {
        "address": "models/c:open",
        "target_type": "pte_program",
        "unavailable": None,
    }
    peeked: list[dict[str, object]] = [shut, open_]
    assert [found.address for found in parse_peek(peeked, ["models/c::"])] == ["models/c:open"]
    named = parse_peek(peeked, ["models/c::", "//models/c:shut"])
    assert [found.address for found in named] == ["models/c:open", "models/c:shut"]


def test_finding_nothing_is_an_error() -> None:
    with pytest.raises(ToolError, match="models/b::: there is no available pte_program"):
        parse_peek([], ["models/b::"])

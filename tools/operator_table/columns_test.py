from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from operator_table.columns import COLUMNS, WITHOUT_COLUMN
from workspace.backends import backend_calls, literal


def declared() -> dict[str, dict[str, Any]]:
    """The literal arguments of each `pte_backend` of the repository, by its name."""
    found = {}
    for file, call in backend_calls(Path(".")):
        fields = {name: literal(value, file) for name, value in call.items()}
        found[fields["name"]] = fields
    return found


def dotted(path: str) -> str:
    return ".".join(PurePosixPath(path).relative_to("src/python").with_suffix("").parts)


def test_each_backend_has_a_column_or_a_reason() -> None:
    assert {*COLUMNS, *WITHOUT_COLUMN} == declared().keys()


def test_columns_lower_as_toolchains_declare() -> None:
    for name, fields in declared().items():
        if name in WITHOUT_COLUMN:
            continue
        column = COLUMNS[name]
        assert [column.lowering] == [dotted(path) for path in fields["lowering"]]
        assert column.toolchain == fields["resolve"]
        assert column.precision == fields.get("precisions", ["fp32"])[0]
        assert column.options == fields.get("options", {})
        assert [*column.rewrites] == [dotted(path) for path in fields.get("rewrites", [])]

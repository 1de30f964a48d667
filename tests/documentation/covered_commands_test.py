"""A test runs each command in the documents, or there is a reason why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from documentation.covered_commands import (
    TABLE,
    Covered,
    entry_of,
    missing_evidence,
    read_table,
    unknown_options,
)
from documentation.documented import documented
from foundry.command.table import commands

REASONS = '[reasons]\nlong = "takes long"\n'


@pytest.fixture(scope="module")
def table() -> list[Covered]:
    return read_table(TABLE.read_text(encoding="utf-8"))


def test_each_documented_command_has_an_entry(table: list[Covered]) -> None:
    found = documented()
    assert len(found) > 40, "the pages were not read"
    missing = {text: where for text, where in found.items() if entry_of(text, table) is None}
    assert missing == {}, f"add each to {TABLE}: which test runs it, or why none does"


def test_each_entry_is_about_something_that_is_documented(table: list[Covered]) -> None:
    used = {entry_of(text, table) for text in documented()}
    assert [entry.text for entry in table if entry not in used] == []


def test_what_runs_a_command_exists(table: list[Covered]) -> None:
    missing = [missing_evidence(entry, Path()) for entry in table]
    assert [reason for reason in missing if reason] == []


def test_commands_have_the_options_that_the_documents_give_them() -> None:
    folders = {entry.name: Path("tools") / entry.folder for entry in commands()}
    checked, wrong = set(), {}
    for text, where in documented().items():
        _, found, behind = text.replace(" run tools/foundry -- ", "./foundry ").partition(
            "./foundry "
        )
        name, *arguments = behind.split() or [""]
        if not found or name in ("", "COMMAND", "--help"):
            continue
        if name not in folders:
            wrong[text] = ([f"there is no command {name}"], where)
            continue
        checked.add(name)
        if unknown := unknown_options(folders[name], arguments):
            wrong[text] = (unknown, where)
    assert wrong == {}
    assert checked == set(folders), "a command that no page names"


@pytest.mark.parametrize(
    "entry",
    [
        'text = "a"',
        'text = "a"\nhere = true\nnot_run = "long"',
        'text = "a"\nhere = false',
        'text = "a"\nnot_run = "no mood"',
        'text = "a"\nexecuted-by = "b"',
    ],
)
def test_an_entry_that_says_nothing_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="'a'"):
        read_table(f"{REASONS}[[command]]\n{entry}\n")


def test_an_exact_entry_wins_over_a_pattern() -> None:
    table = read_table(
        f'{REASONS}[[command]]\ntext = "a *"\nnot_run = "long"\n[[command]]\ntext = "a b"\nhere = true\n'
    )
    assert entry_of("a b", table) == table[1]
    assert entry_of("a c", table) == table[0]
    assert entry_of("b", table) is None


def test_evidence_that_is_gone_is_missed(tmp_path: Path) -> None:
    (tmp_path / "x_test.py").write_text("def test_it() -> None: ...\n")
    (tmp_path / "run").write_text("step ./pants list ::\n")

    def missing(executed_by: str, stands_as: str | None = None) -> str | None:
        return missing_evidence(
            Covered("./pants list ::", False, executed_by, stands_as, None), tmp_path
        )

    assert missing("x_test.py::test_it") is None
    assert missing("run") is None
    assert missing("x_test.py::test_this") == "x_test.py has no 'def test_this('"
    assert missing("run", "./pants test ::") == "run has no './pants test ::'"
    assert missing("y_test.py::test_it") == "./pants list ::: there is no y_test.py"


def test_options_are_found_as_flags_and_as_parameters(tmp_path: Path) -> None:
    (tmp_path / "command").mkdir()
    (tmp_path / "command" / "main.py").write_text(
        'def main(names: Annotated[str, Option("--from")], with_clone: Annotated[bool, 1]): ...'
    )
    (tmp_path / "command" / "main_test.py").write_text('run("--tested-only")')
    given = ["int8", "--from=x", "--with-clone", "--help", "--tested-only", "--clone", "A"]
    assert unknown_options(tmp_path, given) == ["--tested-only", "--clone"]


def test_a_tool_that_is_gone(tmp_path: Path) -> None:
    assert unknown_options(tmp_path / "gone", ["--help"]) == [f"{tmp_path / 'gone'} has no sources"]

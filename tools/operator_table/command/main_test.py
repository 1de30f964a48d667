from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from operator_table.columns import COLUMNS, Column
from operator_table.command.main import app
from operator_table.page import PAGE, read_cells
from reproduce.command.stand_in_repository import PROGRAM, make_repository

# Stands in for what needs torch. It finds the library of the repository, and not that of the export's sandbox.
_INSIDE = """\
import json, sys
from pte_foundry.here import CELL
output, *backends = sys.argv[1:]
json.dump({"rows": [["Layers", "nn.Conv2d"]], "cells": {one: {"nn.Conv2d": CELL} for one in backends},
           "causes": {"kernel": "Write it otherwise"}}, open(output, "w"))
"""


@pytest.fixture()
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(Column, "program", property(lambda self: PROGRAM))
    page = PAGE.read_text(encoding="utf-8")
    root = make_repository(tmp_path / "repository", "'bytes'")
    files = {
        "tools/operator_table/inside/main.py": _INSIDE,
        "src/python/pte_foundry/here.py": "CELL = 'delegate'\n",
        str(PAGE): page,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(root)
    return root


def test_the_page_is_written_and_then_current(repository: Path) -> None:
    before = (repository / PAGE).read_text()
    checked = CliRunner().invoke(app, ["--check"])
    assert checked.exit_code == 1 and (repository / PAGE).read_text() == before
    assert "mps: nn.Conv2d: " in checked.stdout or "mps: nn.Linear: " in checked.stdout
    written = CliRunner().invoke(app, [])
    assert written.exit_code == 0, written.output
    page = (repository / PAGE).read_text()
    assert read_cells(page) == {backend: {"nn.Conv2d": "delegate"} for backend in COLUMNS}
    assert page.partition("<!--")[0] == before.partition("<!--")[0]
    checked = CliRunner().invoke(app, ["--check"])
    assert checked.exit_code == 0 and checked.stdout == f"{PAGE} is current\n"


def test_each_toolchain_runs_once(repository: Path) -> None:
    result = CliRunner().invoke(app, ["--check"])
    said = [line for line in result.stderr.splitlines() if ": in the toolchain " in line]
    assert said == [
        "portable, xnnpack, vulkan: in the toolchain executorch",
        "coreml: in the toolchain coreml",
        "mps: in the toolchain executorch_1_4",
    ]


def test_a_cell_that_changes_is_told(repository: Path) -> None:
    assert CliRunner().invoke(app, []).exit_code == 0
    (repository / "src/python/pte_foundry/here.py").write_text("CELL = 'no: kernel'\n")
    checked = CliRunner().invoke(app, ["--check"])
    assert checked.exit_code == 1
    assert "vulkan: nn.Conv2d: delegate -> no: kernel" in checked.stdout


def test_a_page_without_its_comments(repository: Path) -> None:
    (repository / PAGE).write_text("# Operators\n")
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 2 and "has lost the comments" in result.stderr

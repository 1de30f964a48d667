"""Write the table of what each backend makes of an operator."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from operator_table.columns import COLUMNS
from operator_table.page import PAGE, Cells, read_cells, with_tables
from workspace.atomic_file import replace_text
from workspace.builds import BuildSetting, export_sandbox
from workspace.child_environment import same_checkout_environment
from workspace.errors import ToolError
from workspace.export_process import OUTPUTS, SOURCE_ROOTS, run_in_sandbox, split_at_module
from workspace.kept_sandbox import KeptSandbox
from workspace.programs import find_programs
from workspace.repository import find_repository
from workspace.run_script import Command
from workspace.tool_command import NEGATIVE, ToolCommand

app = typer.Typer(add_completion=False)

# Of the repository: what judges, and all of the library. Those in the sandbox are what one export needs.
_SOURCES = {"tools/operator_table": "operator_table", "src/python/pte_foundry": "pte_foundry"}
_FOLDER, _RESULT = "operator_sources", "operators.json"
_MODULE = "operator_table.inside.main"


@app.command("operators", cls=ToolCommand)
def main(
    check: Annotated[
        bool, typer.Option("--check", help="Only say which cells of the page are out of date.")
    ] = False,
) -> None:
    """Write the table of what each backend makes of an operator.

    Lowers the operators of `docs/operators.md` on each backend, in its toolchain, and rewrites the tables of that page.
    It takes ten minutes or more. Exit code 1: --check has found cells that are out of date.
    """
    output = Console(soft_wrap=True, markup=False, highlight=False)
    progress = Console(stderr=True, soft_wrap=True, markup=False, highlight=False)
    root = find_repository().root
    page = (root / PAGE).read_text(encoding="utf-8")
    documents = []
    with tempfile.TemporaryDirectory(prefix="pte-operators-") as scratch:
        for number, (toolchain, backends) in enumerate(_toolchains().items()):
            progress.print(f"{', '.join(backends)}: in the toolchain {toolchain}")
            folder = Path(scratch).resolve() / str(number)
            folder.mkdir()
            documents.append(_judged(root, folder, backends))
    try:
        new, before = _page(page, documents), read_cells(page)
    except ValueError as error:
        raise ToolError(str(error)) from None
    changes = list(changed(before, read_cells(new)))
    for line in changes or [f"{PAGE} is current" if new == page else f"{PAGE}: other words"]:
        output.print(line)
    if check and new != page:
        raise typer.Exit(NEGATIVE)
    if not check and new != page:
        replace_text(root / PAGE, new)


def changed(before: Cells, after: Cells) -> Iterator[str]:
    """A line for each cell that is new, gone or another."""
    for backend, cells in after.items():
        old = before[backend]
        for name in dict.fromkeys([*old, *cells]):
            if old.get(name) != cells.get(name):
                yield f"{backend}: {name}: {old.get(name, 'new')} -> {cells.get(name, 'gone')}"


def _toolchains() -> dict[str, list[str]]:
    """Toolchain -> backends that are judged in it."""
    found: dict[str, list[str]] = {}
    for backend, column in COLUMNS.items():
        found.setdefault(column.toolchain, []).append(backend)
    return found


def _page(page: str, documents: list[dict[str, Any]]) -> str:
    cells: dict[str, Mapping[str, str]] = {}
    for document in documents:
        cells.update(document["cells"])
    rows = list(documents[0]["rows"])
    return with_tables(page, rows, cells, documents[0]["causes"])


def _judged(root: Path, scratch: Path, backends: list[str]) -> dict[str, Any]:
    """scratch: an empty folder. See `operator_table.inside.main.judged`."""
    environment = same_checkout_environment(os.environ)
    (program,) = find_programs(root, [COLUMNS[backends[0]].program], environment)
    setting = BuildSetting(root, scratch, environment, {}, ("--weights-source=seeded",))
    sandbox = export_sandbox(setting, program, "sandboxes")
    return _run(root, scratch / "sandbox", sandbox, backends)


def _run(root: Path, folder: Path, sandbox: KeptSandbox, backends: list[str]) -> dict[str, Any]:
    sandbox.copy_inputs(folder, OUTPUTS)
    for source, name in _SOURCES.items():
        shutil.copytree(
            root / source,
            folder / _FOLDER / name,
            ignore=shutil.ignore_patterns("*_test.py", "BUILD", "__pycache__", "command"),
        )
    command = sandbox.command()
    start, _ = split_at_module(command)
    run_in_sandbox(
        folder,
        Command(
            (*start, "-m", _MODULE, _RESULT, *backends),
            {**command.environment, SOURCE_ROOTS: _FOLDER},
        ),
    )
    found: dict[str, Any] = json.loads((folder / _RESULT).read_text(encoding="utf-8"))
    return found

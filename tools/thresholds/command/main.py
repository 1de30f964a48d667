"""Show how tight the thresholds of programs are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from thresholds.command.slack import Slack, read_slacks
from workspace.errors import ToolError
from workspace.root import find_root
from workspace.tool_command import NEGATIVE, ToolCommand

app = typer.Typer(add_completion=False)

_RESULTS = "dist/test"


@app.command("thresholds", cls=ToolCommand)
def main(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            help=f"Folders with `*.validation.json` below them; {_RESULTS} if left out."
        ),
    ] = None,
    at_most: Annotated[
        float,
        typer.Option(min=1.0, help="How many times the measured error a threshold may allow."),
    ] = 10.0,
    every: Annotated[bool, typer.Option("--all", help="List the tight ones too.")] = False,
) -> None:
    """Compare test thresholds with what the tests measured.

    Reads the results of `./pants test models::`. Give several folders to count the worst of several kinds of
    weights. A threshold is loose if it allows more than --at-most times the measured error; a value without any error,
    such as a share of 1, does not count. Exit code 0: none is loose; 1: some are; 2: there was nothing to read.
    """
    console = Console(stderr=True)
    chosen = folders or [find_root() / _RESULTS]
    files = [file for folder in chosen for file in sorted(folder.rglob("*.validation.json"))]
    if not files:
        shown = ", ".join(map(str, chosen))
        raise ToolError(f"no `*.validation.json` below {shown}: run `./pants test models::`")
    slacks = read_slacks(files)
    loose = [slack for slack in slacks if slack.times is not None and slack.times > at_most]
    output = Console(width=None if Console().is_terminal else 160)
    if shown_slacks := slacks if every else loose:
        output.print(_table(shown_slacks))
    programs = len({slack.address for slack in slacks})
    console.print(
        f"{len(loose)} of {len(slacks)} thresholds of {programs} programs allow more than {at_most:g} times what was "
        "measured",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    raise typer.Exit(NEGATIVE if loose else 0)


def _table(slacks: list[Slack]) -> Table:
    table = Table("program", "threshold", "measured", "declared", "times", "suggested")
    for slack in slacks:
        table.add_row(
            slack.address,
            slack.field,
            f"{slack.measured!r}",
            f"{slack.threshold!r}",
            "exact" if slack.times is None else f"{slack.times:.3g}",
            "" if slack.suggested is None else f"{slack.suggested!r}",
        )
    return table

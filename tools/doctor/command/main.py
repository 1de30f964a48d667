"""`doctor` among the other commands. `./foundry doctor` starts `doctor/run.py` instead, without Pants."""

from __future__ import annotations

from typing import Annotated

import typer

from doctor.command.arguments import ABOUT, main
from workspace.root import find_root
from workspace.tool_command import ToolCommand

app = typer.Typer(add_completion=False)


@app.command(
    "doctor",
    cls=ToolCommand,
    help=ABOUT,
    add_help_option=False,
    context_settings={"ignore_unknown_options": True},
)
def doctor(
    context: typer.Context,
    arguments: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
) -> None:
    try:
        code = main(arguments or [], find_root(), context.command_path)
    except SystemExit as ended:  # The help, or wrong use.
        code = int(ended.code or 0)
    raise typer.Exit(code)

"""One command line for all tools: `./foundry COMMAND`. Only the one that is called is imported."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click
import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from foundry.command.table import GROUPS, FoundryCommand, commands
from workspace.root import enter_callers_folder
from workspace.tool_command import EXIT_CODES, ending


class LazyCommand(TyperCommand):
    """What `--help` shows for a command; the command itself is imported when its arguments are read."""

    def __init__(self, entry: FoundryCommand, group: str) -> None:
        super().__init__(entry.name, help=entry.about, rich_help_panel=group)
        self._module = entry.module

    def load(self) -> click.Command:
        """The command itself."""
        return get_command(import_module(self._module).app)

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        # Once it runs, the command handles this itself. This is for what comes before, such as Ctrl-C during the
        # import.
        with ending(self.name or ""):
            enter_callers_folder()
            return self.load().make_context(info_name, args, parent, **extra)


class Foundry(TyperGroup):
    """The commands of the table, in its order."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [entry.name for entry in commands()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for group, entries in GROUPS.items():
            for entry in entries:
                if entry.name == cmd_name:
                    return LazyCommand(entry, group)
        return None


app = typer.Typer(
    cls=Foundry,
    add_completion=False,
    no_args_is_help=True,
    epilog=f"`./foundry COMMAND --help` explains a command. {EXIT_CODES}",
    context_settings={"help_option_names": ["--help"]},
)


@app.callback()
def _foundry() -> None:
    """Everything besides the build itself, which is `./pants`."""


def main() -> None:
    app(prog_name="./foundry")


if __name__ == "__main__":
    main()

"""How each command ends: exit codes, errors, Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click
import typer
from rich.console import Console
from typer.core import TyperCommand

from workspace.errors import ToolError

NEGATIVE = 1
"""Exit code: the work was done, and the answer is no."""
NO_ANSWER = 2
"""Exit code: wrong usage, wrong input, or something failed on the way."""
EXIT_CODES = (
    "Exit codes: 0 for success or yes, 1 if the answer is no, 2 for wrong usage, wrong input or a failure on the way, "
    "130 after Ctrl-C."
)
_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class _Stopped(KeyboardInterrupt):
    """A signal other than Ctrl-C's that asks the process to end."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@contextmanager
def ending(name: str) -> Iterator[None]:
    """Turn an error into one message and exit code 2, and a signal into one line and 128 + its number.

    name: of the command, for the message. Clean-up runs first: signals arrive as exceptions.
    """
    console = Console(stderr=True, soft_wrap=True, markup=False, highlight=False)
    before = {number: signal.signal(number, _raise) for number in _SIGNALS}
    try:
        yield
    except BrokenPipeError:
        raise  # The reader of our output has gone; click ends silently.
    except (ToolError, OSError) as error:
        console.print(f"foundry {name}: {error}", style="red")
        raise typer.Exit(NO_ANSWER) from None
    except KeyboardInterrupt as interrupt:
        number = interrupt.number if isinstance(interrupt, _Stopped) else signal.SIGINT
        console.print(f"foundry {name}: stopped by {signal.Signals(number).name}")
        raise typer.Exit(128 + number) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class ToolCommand(TyperCommand):
    """A command that ends like all the others."""

    def invoke(self, ctx: click.Context) -> Any:
        with ending(self.name or ""):
            return super().invoke(ctx)


def _raise(number: int, frame: object) -> NoReturn:
    raise _Stopped(number)

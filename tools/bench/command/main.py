"""Measure the build and what it makes: ratios and counts in one run, each against a named baseline."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from bench.benchmarks.registry import BENCHMARKS, Benchmark
from bench.command.machine import this_machine
from bench.command.markdown_page import markdown_page
from bench.command.result_file import read_results, results_document, to_text, write_text
from bench.command.result_table import results_table
from bench.command.run_benchmarks import run_benchmarks
from workspace.child_environment import clone_environment
from workspace.errors import ToolError
from workspace.repository import find_repository

app = typer.Typer(add_completion=False)


@app.command()
def main(
    names: Annotated[
        list[str] | None, typer.Argument(help="The benchmarks to run; all if none is named.")
    ] = None,
    list_names: Annotated[bool, typer.Option("--list", help="List the benchmarks.")] = False,
    rounds: Annotated[
        int | None, typer.Option(min=1, help="Timed rounds, instead of each benchmark's own.")
    ] = None,
    programs: Annotated[
        list[str] | None,
        typer.Option(
            "--program",
            metavar="ADDRESS",
            help="Measure this program (repeatable), not all: size, cold-build, validation, latency, …",
        ),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", dir_okay=False, help="Write the results to this file.")
    ] = None,
    markdown_file: Annotated[
        Path | None,
        typer.Option(
            "--markdown", dir_okay=False, help="Write the results as a page to this file."
        ),
    ] = None,
    results_files: Annotated[
        list[Path] | None,
        typer.Option(
            "--from", dir_okay=False, help="Run nothing: make the page of this file (repeatable)."
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 if a goal is missed.")] = False,
) -> None:
    """Measure the build in temporary clones of the working tree, uncommitted changes included.

    Every time is compared with another time of the same run: only ratios and counts mean anything on a machine that
    others use too. Exit code 0 even if a goal is missed (see --strict); 2 if a benchmark could not be run.
    """
    progress = Console(stderr=True)
    output = Console(width=None if Console().is_terminal else 150)
    if list_names:
        for benchmark in BENCHMARKS:
            output.print(f"{benchmark.name:18}{benchmark.about}", markup=False, highlight=False)
        raise typer.Exit(0)
    # Ended from outside, the clones' daemons would live on.
    signal.signal(signal.SIGTERM, _interrupt)
    say = _progress(progress)
    try:
        chosen = _chosen(names or ())
        for option, file in (("--json", json_file), ("--markdown", markdown_file)):
            if file is not None and not file.parent.is_dir():
                raise ToolError(f"{option}: {file.parent} is not a folder; make it first")
        if results_files:
            if markdown_file is None or names or json_file is not None:
                raise ToolError("--from makes a page: give --markdown with it, and nothing to run")
            write_text(markdown_file, markdown_page([read_results(file) for file in results_files]))
            raise typer.Exit(0)
        repository = find_repository(Path.cwd())
    except ToolError as error:
        say(f"tools/bench: {error}")
        raise typer.Exit(2) from None
    machine = this_machine()
    environment = clone_environment(os.environ)
    results = run_benchmarks(chosen, repository, environment, rounds, tuple(programs or ()), say)
    command = _command(names or (), programs or (), rounds)
    document = results_document(results, repository, machine, command)
    if json_file is not None:
        write_text(json_file, to_text(document))
    if markdown_file is not None:
        write_text(markdown_file, markdown_page([document]))
    output.print(results_table(results))
    if results.errors:
        raise typer.Exit(2)
    raise typer.Exit(1 if strict and not results.all_met else 0)


def _chosen(names: Sequence[str]) -> list[Benchmark]:
    known = {benchmark.name: benchmark for benchmark in BENCHMARKS}
    if unknown := sorted(set(names) - set(known)):
        raise ToolError(f"no benchmark is called {unknown}; there are {sorted(known)}")
    return [known[name] for name in names] if names else list(BENCHMARKS)


def _command(names: Sequence[str], programs: Sequence[str], rounds: int | None) -> list[str]:
    """The arguments that decide what is measured, without the files that are this machine's affair."""
    return [
        *names,
        *(part for program in programs for part in ("--program", program)),
        *(() if rounds is None else ("--rounds", str(rounds))),
    ]


def _progress(console: Console) -> Callable[[str], None]:
    start = time.monotonic()

    def say(text: str) -> None:
        seconds = time.monotonic() - start
        console.print(f"{seconds:6.0f} s  {text}", markup=False, highlight=False, soft_wrap=True)

    return say


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    app()

"""Measure the build: ratios and counts in one run, each against a named baseline."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from bench.benchmarks.registry import BENCHMARKS
from bench.command.result_file import results_json, write_results
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
    json_file: Annotated[
        Path | None, typer.Option("--json", dir_okay=False, help="Write the results to this file.")
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
    start = time.monotonic()

    def say(text: str) -> None:
        seconds = time.monotonic() - start
        progress.print(f"{seconds:6.0f} s  {text}", markup=False, highlight=False, soft_wrap=True)

    try:
        known = {benchmark.name: benchmark for benchmark in BENCHMARKS}
        if unknown := sorted(set(names or ()) - set(known)):
            raise ToolError(f"no benchmark is called {unknown}; there are {sorted(known)}")
        if json_file is not None and not json_file.parent.is_dir():
            raise ToolError(f"--json: {json_file.parent} is not a folder; make it first")
        repository = find_repository(Path.cwd())
    except ToolError as error:
        say(f"tools/bench: {error}")
        raise typer.Exit(2) from None
    chosen = [known[name] for name in names] if names else BENCHMARKS
    environment = clone_environment(os.environ)
    results = run_benchmarks(chosen, repository, environment, rounds, say)
    if json_file is not None:
        text = results_json(results, repository, cpus=os.cpu_count() or 1)
        write_results(json_file, text)
    output.print(results_table(results))
    if results.errors:
        raise typer.Exit(2)
    raise typer.Exit(1 if strict and not results.all_met else 0)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    app()

"""Measure the build and what it makes: ratios and counts in one run, each against a named baseline."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.benchmarks import workers
from bench.benchmarks.registry import BENCHMARKS, Benchmark
from bench.command.machine import this_machine
from bench.command.markdown_page import markdown_page
from bench.command.plots import plots
from bench.command.result_file import (
    Document,
    read_results,
    results_document,
    to_text,
)
from bench.command.result_table import results_table
from bench.command.run_benchmarks import run_benchmarks
from workspace.atomic_file import replace_text
from workspace.child_environment import clone_environment
from workspace.errors import ToolError
from workspace.repository import find_repository
from workspace.tool_command import ToolCommand

app = typer.Typer(add_completion=False)
_LIST = "\n\n".join(f"{one.name}: {one.about}." for one in BENCHMARKS)


@app.command("bench", cls=ToolCommand, epilog=f"Benchmarks:\n\n{_LIST}")
def main(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="The benchmarks to run; default: all, but workers only with --times."),
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
            help="Measure this program (repeatable), not all: size, cold, rebuild, validation, latency, …",
        ),
    ] = None,
    times: Annotated[
        Path | None,
        typer.Option(
            "--times",
            exists=True,
            dir_okay=False,
            help="What each process took, as PANTS_RUN_TIMES_FILE makes ./pants write it: workers.",
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
    plots_folder: Annotated[
        Path | None,
        typer.Option(
            "--plots", file_okay=False, help="Draw the results into this folder, for the page."
        ),
    ] = None,
    results_files: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            help="Run nothing: make the page from this file, or from those in this folder (repeatable).",
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 if a goal is missed.")] = False,
) -> None:
    """Benchmark the build and the programs, as ratios within one run.

    Builds in temporary clones of the working tree, uncommitted changes included, always with seeded weights. Every
    time is compared with another time of the same run: only ratios and counts mean anything on a machine that others
    use too. Exit code 0 even if a goal is missed, unless --strict is given; 2 if a benchmark could not be run.
    """
    progress = Console(stderr=True)
    output = Console(width=None if Console().is_terminal else 150)
    if list_names:
        for benchmark in BENCHMARKS:
            output.print(f"{benchmark.name:18}{benchmark.about}", markup=False, highlight=False)
        raise typer.Exit(0)
    say = _progress(progress)
    chosen = _chosen(names or (), times)
    for option, file in (("--json", json_file), ("--markdown", markdown_file)):
        if file is not None and not file.parent.is_dir():
            raise ToolError(f"{option}: {file.parent} is not a folder; create it first")
    if plots_folder is not None:
        if markdown_file is None:
            raise ToolError("--plots draws for a page: add --markdown")
        if not plots_folder.is_dir():
            raise ToolError(f"--plots: {plots_folder} is not a folder; create it first")
    if results_files:
        if markdown_file is None or names or json_file is not None:
            raise ToolError("--from makes a page: add --markdown, and name nothing to run")
        _write_page(_documents(results_files), markdown_file, plots_folder)
        raise typer.Exit(0)
    repository = find_repository()
    machine = this_machine()
    environment = clone_environment(os.environ)
    results = run_benchmarks(
        chosen, repository, environment, rounds, tuple(programs or ()), say, times
    )
    command = _command(names or (), programs or (), rounds, times)
    document = results_document(results, repository, machine, command)
    if json_file is not None:
        replace_text(json_file, to_text(document))
    if markdown_file is not None:
        _write_page([document], markdown_file, plots_folder)
    output.print(results_table(results))
    if results.errors:
        raise typer.Exit(2)
    raise typer.Exit(1 if strict and not results.all_met else 0)


def _documents(paths: Sequence[Path]) -> list[Document]:
    """The results in the order given; those of a folder in the order of the benchmarks."""
    order = {benchmark.name: number for number, benchmark in enumerate(BENCHMARKS)}
    documents = []
    for path in paths:
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not files:
            raise ToolError(f"--from: {path} has no result (*.json)")
        read = [read_results(file) for file in files]
        documents += sorted(
            read,
            key=lambda document: min(
                (order.get(row["benchmark"], 0) for row in document["measurements"]), default=0
            ),
        )
    return documents


def _write_page(documents: Sequence[Document], page: Path, folder: Path | None) -> None:
    """The page, after the plots that it shows."""
    drawn = () if folder is None else plots(documents)
    shown: dict[str, list[str]] = {}
    for plot in drawn:
        assert folder is not None
        replace_text(folder / plot.file, plot.picture.as_file())
        path = os.path.relpath(folder / plot.file, page.parent)
        shown.setdefault(plot.benchmark, []).append(f"![{plot.picture.title}]({path})")
    replace_text(page, markdown_page(documents, shown))


def _chosen(names: Sequence[str], times: Path | None) -> list[Benchmark]:
    known = {benchmark.name: benchmark for benchmark in BENCHMARKS}
    if unknown := sorted(set(names) - set(known)):
        raise ToolError(f"no benchmark is called {unknown}; there are {sorted(known)}")
    if names:
        return [known[name] for name in names]
    return [one for one in BENCHMARKS if times is not None or one.name != workers.NAME]


def _command(
    names: Sequence[str], programs: Sequence[str], rounds: int | None, times: Path | None
) -> list[str]:
    """The arguments that decide what is measured, without paths, which concern only this machine."""
    return [
        *names,
        *(part for program in programs for part in ("--program", program)),
        *(() if rounds is None else ("--rounds", str(rounds))),
        *(() if times is None else ("--times", "FILE")),
    ]


def _progress(console: Console) -> Callable[[str], None]:
    start = time.monotonic()

    def say(text: str) -> None:
        seconds = time.monotonic() - start
        console.print(f"{seconds:6.0f} s  {text}", markup=False, highlight=False, soft_wrap=True)

    return say

"""Show that a program's bytes do not depend on who builds it, where, when and on what machine."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from reproduce.command.reproduce import reproduce
from reproduce.command.result_file import results_json
from reproduce.command.result_table import results_table
from reproduce.perturbations.registry import PERTURBATIONS, select
from workspace.atomic_file import replace_text
from workspace.builds import BuildSetting
from workspace.child_environment import clone_environment, same_checkout_environment
from workspace.errors import ToolError
from workspace.programs import find_programs
from workspace.repository import find_repository
from workspace.tool_command import ToolCommand
from workspace.weights_source import SourceOfWeights, weights_options

# Where weights come from is the one thing that a clone has to be told of the session's options.
_WEIGHTS_OPTIONS = "PANTS_WEIGHTS_"
_LIST = "\n\n".join(f"{one.name}: {one.about}. ({one.kind})" for one in PERTURBATIONS)


app = typer.Typer(add_completion=False)


@app.command("reproduce", cls=ToolCommand, epilog=f"Perturbations:\n\n{_LIST}")
def main(
    addresses: Annotated[
        list[str] | None,
        typer.Argument(help="Programs, as models/yolo:yolo11n_xnnpack or models/yolo::"),
    ] = None,
    list_names: Annotated[bool, typer.Option("--list", help="List the perturbations.")] = False,
    only: Annotated[
        str, typer.Option(metavar="NAME[,NAME]", help="Only these perturbations.")
    ] = "",
    lift: Annotated[
        bool,
        typer.Option(
            "--lift",
            help="Also take away what exports fix themselves (one thread, plain CPU kernels): more "
            "than is promised.",
        ),
    ] = False,
    stock: Annotated[
        bool,
        typer.Option(
            "--stock",
            help="Also export with torch and ExecuTorch as they are, without our speed-ups: takes twice the time.",
        ),
    ] = False,
    remote: Annotated[
        bool,
        typer.Option(
            "--remote",
            help="Also export on the workers of the service that PANTS_REMOTE_EXECUTION_ADDRESS and "
            "PANTS_REMOTE_STORE_ADDRESS name.",
        ),
    ] = False,
    with_clone: Annotated[
        bool,
        typer.Option(
            "--with-clone", help="Also build in a second clone with empty caches: takes minutes."
        ),
    ] = False,
    weights_source: Annotated[
        SourceOfWeights | None,
        typer.Option(
            help="Where the weights of every build come from; default: your Pants options."
        ),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", dir_okay=False, help="Write the results to this file.")
    ] = None,
) -> None:
    """Rebuild programs under perturbations and compare the bytes.

    What is compared with is the .pte file that `./pants package` gives. Options of weights, index, tree and SDKs reach
    these builds from Pants' files, from PANTS_* variables, and from before `run` on the command line of ./pants.

    Exit code 0 if all programs are the same under all perturbations, 1 if one differs, 2 if there is no answer: bad
    input, a program that cannot be built, or a perturbation that this machine cannot make.
    """
    progress = Console(stderr=True)
    output = Console(width=None if Console().is_terminal else 200)
    if list_names:
        for one in PERTURBATIONS:
            text = f"{one.name:18}{one.kind:9}{one.about}"
            output.print(text, markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(0)
    start = time.monotonic()

    def say(text: str) -> None:
        seconds = time.monotonic() - start
        progress.print(f"{seconds:6.0f} s  {text}", markup=False, highlight=False, soft_wrap=True)

    if not addresses:
        raise ToolError("name one or more programs, e.g. models/yolo:yolo11n_xnnpack")
    names = [name.strip() for name in only.split(",") if name.strip()]
    perturbations = select(names, lift, with_clone, stock, remote)
    if json_file is not None and not json_file.parent.is_dir():
        raise ToolError(f"--json: {json_file.parent} is not a folder; make it first")
    repository = find_repository()
    environment = same_checkout_environment(os.environ)
    programs = find_programs(repository.root, addresses, environment)
    with tempfile.TemporaryDirectory(prefix="pte-reproduce-") as scratch:
        setting = BuildSetting(
            root=repository.root,
            scratch=Path(scratch).resolve(),
            environment=environment,
            clone_environment={
                **clone_environment(os.environ),
                **{
                    name: value
                    for name, value in environment.items()
                    if name.startswith(_WEIGHTS_OPTIONS)
                },
            },
            options=weights_options(weights_source),
        )
        results = reproduce(programs, perturbations, setting, say)
    if json_file is not None:
        replace_text(json_file, results_json(results, repository.commit, repository.modified))
    output.print(results_table(results))
    raise typer.Exit(results.exit_code)

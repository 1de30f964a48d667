"""Say what of a program a delegate took, what not and why, and write what debugging tools read."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from explain.command.explanation import Explanation, explanation_json, parse_explanation
from explain.command.sandbox import run_explanation
from explain.command.tables import explanation_texts
from workspace.atomic_file import replacing
from workspace.builds import BuildSetting, export_sandbox, written_program
from workspace.child_environment import same_checkout_environment
from workspace.errors import ToolError
from workspace.programs import find_programs
from workspace.repository import find_repository
from workspace.tool_command import ToolCommand
from workspace.weights_source import SourceOfWeights, weights_options

app = typer.Typer(add_completion=False)


@app.command("explain", cls=ToolCommand)
def main(
    address: Annotated[str, typer.Argument(help="A program, as models/yolo:yolo11n_xnnpack.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    operators: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            help="Write the kernels that the .pte needs to this file, for ExecuTorch's selective build "
            "(selected_operators.yaml).",
        ),
    ] = None,
    dump: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            help="Write the graph, with the graphs of its delegates in it, to this file.",
        ),
    ] = None,
    etrecord: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False, help="Write an ETRecord for ExecuTorch's Inspector to this file."
        ),
    ] = None,
    weights_source: Annotated[
        SourceOfWeights | None,
        typer.Option(help="Where the weights come from; default: your Pants options."),
    ] = None,
) -> None:
    """Show which operators a delegate took, which it left, and why.

    Shows operators, delegate calls and their sizes. The program is exported twice without a cache: by Pants, and once
    more in a copy of that export's sandbox while it is watched. Both have to give the same bytes. A program that is
    refused for its delegation floor is explained too.
    """
    output, errors = Console(soft_wrap=as_json), Console(stderr=True, soft_wrap=True)
    files = {
        "selected_operators.yaml": operators,
        "delegated_graph.txt": dump,
        "etrecord.bin": etrecord,
    }
    wanted = {name: file for name, file in files.items() if file is not None}
    for file in wanted.values():
        if not file.parent.is_dir():
            raise ToolError(f"{file}: {file.parent} is not a folder; make it first")
    with tempfile.TemporaryDirectory(prefix="pte-explain-") as scratch:
        options = weights_options(weights_source)
        found, explanation = _explain(address, wanted, Path(scratch).resolve(), options)
    if as_json:
        print(explanation_json(found, explanation))
    else:
        for text in explanation_texts(found, explanation):
            output.print(text)
    for file in wanted.values():
        errors.print(f"written: {file}", markup=False, highlight=False)


def _explain(
    address: str, wanted: Mapping[str, Path], scratch: Path, options: tuple[str, ...]
) -> tuple[str, Explanation]:
    """The program's full address and its explanation; the `wanted` results are copied to their files."""
    repository = find_repository()
    environment = same_checkout_environment(os.environ)
    programs = find_programs(repository.root, [address], environment)
    if len(programs) != 1:
        raise ToolError(f"{address} stands for {len(programs)} programs: name one")
    setting = BuildSetting(repository.root, scratch, environment, {}, options)
    (program,) = programs
    sandbox = export_sandbox(setting, program, "sandboxes")
    results = run_explanation(sandbox, repository.root, scratch, "etrecord.bin" in wanted)
    explanation = parse_explanation((results / "explanation.json").read_text(encoding="utf-8"))
    built = hashlib.sha256(written_program(sandbox)).hexdigest()
    if explanation.sha256 != built:
        raise ToolError(
            f"{program.address}: the export that was watched wrote other bytes ({explanation.sha256}) than "
            f"the one before ({built}). `./foundry reproduce {program.address}` says what "
            "the bytes depend on"
        )
    for name, file in wanted.items():
        with replacing(file) as temporary:
            shutil.copyfile(results / name, temporary)
    return program.address, explanation

"""Say what of a program a delegate took, what not and why, and write what debugging tools read."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from explain.command.explanation import Explanation, explanation_json, parse_explanation
from explain.command.profile import (
    Profile,
    parse_profile,
    profile_json,
    profile_picture,
    profile_texts,
)
from explain.command.sandbox import run_explanation, run_profile
from explain.command.tables import explanation_texts
from workspace.atomic_file import replace_text, replacing
from workspace.builds import BuildSetting, export_sandbox, written_program
from workspace.child_environment import same_checkout_environment
from workspace.errors import ToolError
from workspace.kept_sandbox import KeptSandbox
from workspace.programs import Program, find_programs
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
    profile: Annotated[
        bool,
        typer.Option(
            "--profile",
            help="Run the program on the CPU instead, and show the time of each operator and delegate.",
        ),
    ] = False,
    svg: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            help="Where --profile draws its picture; default: below dist/, beside what `package` writes.",
        ),
    ] = None,
    etdump: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            help="Write the ETDump of --profile to this file, for ExecuTorch's Inspector.",
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

    With --profile it is exported once, and run: times are medians on one thread.
    """
    output, errors = Console(soft_wrap=as_json), Console(stderr=True, soft_wrap=True)
    explained = {
        "selected_operators.yaml": operators,
        "delegated_graph.txt": dump,
        "etrecord.bin": etrecord,
    }
    measured = {"profile.svg": svg, "etdump.etdp": etdump}
    _refuse_without(profile, measured, explained)
    files = measured if profile else explained
    wanted = {name: file for name, file in files.items() if file is not None}
    for file in wanted.values():
        if not file.parent.is_dir():
            raise ToolError(f"{file}: {file.parent} is not a folder; make it first")
    with tempfile.TemporaryDirectory(prefix="pte-explain-") as scratch:
        asked = _Asked(address, Path(scratch).resolve(), weights_options(weights_source))
        if profile:
            found, measurement, drawn = _profile(asked, wanted)
            wanted = {**wanted, "profile.svg": drawn}
            text, tables = profile_json(found, measurement), profile_texts(found, measurement)
        else:
            found, explanation = _explain(asked, wanted)
            text = explanation_json(found, explanation)
            tables = explanation_texts(found, explanation)
    if as_json:
        print(text)
    else:
        for table in tables:
            output.print(table)
    for file in wanted.values():
        errors.print(f"written: {file}", markup=False, highlight=False)


def _refuse_without(
    profile: bool, measured: Mapping[str, Path | None], explained: Mapping[str, Path | None]
) -> None:
    """Raises ToolError for a file that is not written with --profile, or only with it."""
    other = explained if profile else measured
    if given := [str(file) for file in other.values() if file is not None]:
        says = "does not go with --profile" if profile else "goes with --profile only"
        raise ToolError(f"{given[0]}: the option for it {says}")


@dataclass(frozen=True)
class _Asked:
    """scratch: an empty folder. options: of Pants, for the weights."""

    address: str
    scratch: Path
    options: tuple[str, ...]


def _export(asked: _Asked) -> tuple[Path, Program, KeptSandbox]:
    """The repository, and the program with the sandbox of its export."""
    repository = find_repository()
    environment = same_checkout_environment(os.environ)
    programs = find_programs(repository.root, [asked.address], environment)
    if len(programs) != 1:
        raise ToolError(f"{asked.address} stands for {len(programs)} programs: name one")
    (program,) = programs
    setting = BuildSetting(repository.root, asked.scratch, environment, {}, asked.options)
    return repository.root, program, export_sandbox(setting, program, "sandboxes")


def _profile(asked: _Asked, wanted: Mapping[str, Path]) -> tuple[str, Profile, Path]:
    """The program's full address, what was measured, and where the picture is."""
    root, program, sandbox = _export(asked)
    results = run_profile(sandbox, root, asked.scratch)
    measurement = parse_profile((results / "profile.json").read_text(encoding="utf-8"))
    picture = wanted.get("profile.svg")
    if picture is None:
        picture = root / "dist" / program.pte.with_suffix(".profile.svg")
        picture.parent.mkdir(parents=True, exist_ok=True)
    replace_text(picture, profile_picture(program.address, measurement))
    if "etdump.etdp" in wanted:
        _copy(results / "etdump.etdp", wanted["etdump.etdp"])
    return program.address, measurement, picture


def _explain(asked: _Asked, wanted: Mapping[str, Path]) -> tuple[str, Explanation]:
    """The program's full address and its explanation; the `wanted` results are copied to their files."""
    root, program, sandbox = _export(asked)
    results = run_explanation(sandbox, root, asked.scratch, "etrecord.bin" in wanted)
    explanation = parse_explanation((results / "explanation.json").read_text(encoding="utf-8"))
    built = hashlib.sha256(written_program(sandbox)).hexdigest()
    if explanation.sha256 != built:
        raise ToolError(
            f"{program.address}: the export that was watched wrote other bytes ({explanation.sha256}) than "
            f"the one before ({built}). `./foundry reproduce {program.address}` says what "
            "the bytes depend on"
        )
    for name, file in wanted.items():
        _copy(results / name, file)
    return program.address, explanation


def _copy(source: Path, file: Path) -> None:
    with replacing(file) as temporary:
        shutil.copyfile(source, temporary)

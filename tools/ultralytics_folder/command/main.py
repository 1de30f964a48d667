"""Make a folder that ultralytics' YOLO loads."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pte_foundry.errors import PteError
from pte_foundry.records.declared import LabelFile
from pte_foundry.records.json_fields import Fields
from ultralytics_folder.command.metadata import metadata_text
from workspace.atomic_file import replacing
from workspace.errors import ToolError
from workspace.root import find_root
from workspace.tool_command import ToolCommand

app = typer.Typer(add_completion=False)

_END = "_executorch_model"
"""By which ultralytics knows such a folder."""


@app.command("ultralytics-folder", cls=ToolCommand)
def main(
    program: Annotated[Path, typer.Argument(help="A `.pte` of ours, with its report beside it.")],
    labels: Annotated[
        Path | None,
        typer.Option(help="Names of the classes, a line each. Default: those of its model."),
    ] = None,
) -> None:
    """Make a folder that ultralytics' YOLO loads.

    Writes NAME_executorch_model beside the program, with `model.pte` and `metadata.yaml`, for `YOLO(folder)`. Its
    predictor runs what its ExecuTorch has the delegate of: on a computer, programs for portable and XNNPACK.
    """
    report = _report(program)
    named = _labels(program, report, labels).read_text(encoding="utf-8").splitlines()
    text = metadata_text(report, named, program.name)
    folder = program.with_name(f"{program.stem}{_END}")
    folder.mkdir(exist_ok=True)
    with replacing(folder / "model.pte") as temporary:
        shutil.copyfile(program, temporary)
    with replacing(folder / "metadata.yaml") as temporary:
        temporary.write_text(text, encoding="utf-8")
    Console(soft_wrap=True, markup=False, highlight=False).print(
        f'wrote {folder}. Where ultralytics is installed: YOLO("{folder}")("picture.jpg")'
    )


def _report(program: Path) -> Fields:
    path = program.with_suffix(".json")
    try:
        content = program.read_bytes()
        fields = Fields.of(json.loads(path.read_text(encoding="utf-8")), str(path))
        expected = fields.sha256("sha256")
    except OSError as error:
        raise ToolError(
            f"{error.filename}: {error.strerror}. Name a program that `./pants package` wrote, with its report "
            "beside it"
        ) from None
    except (ValueError, PteError) as error:
        raise ToolError(f"{path} is no report: {error}. Build the program again") from None
    if hashlib.sha256(content).hexdigest() != expected:
        raise ToolError(f"{path} is the report of another program. Build {program.name} again")
    return fields


def _labels(program: Path, report: Fields, given: Path | None) -> Path:
    """The file of the names."""
    if given is not None:
        return given
    declared = report.optional_nested("labels")
    if declared is None:
        raise ToolError(
            f"{program.name}: its model declares no labels. Give them with --labels FILE"
        )
    file = LabelFile.read(declared)
    beside = program.with_name(file.file)
    if _is(beside, file):
        return beside
    declared_file = find_root() / "models" / report.text("family") / file.file
    if _is(declared_file, file):
        return declared_file
    raise ToolError(
        f"{program.name}: {file.file} with the hash that its report has is neither beside it nor below models/. Give "
        "it with --labels FILE"
    )


def _is(path: Path, file: LabelFile) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256

"""Pin a checkpoint: write the SHA-256 and the size of its file into its BUILD file."""

from __future__ import annotations

import difflib
import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

from pin_weights.command.build_edit import pinned_text, present_pin
from pin_weights.command.build_file import find_build_file
from pin_weights.command.checkpoint_file import check_checkpoint_file
from pin_weights.command.content import CheckpointContent, check_name, content_of_file
from pin_weights.command.declaration import WeightsDeclaration, read_declaration
from pin_weights.command.download import check_schemes, download, open_https_or_file
from workspace.atomic_file import replace_text
from workspace.child_environment import same_checkout_environment
from workspace.errors import ToolError
from workspace.root import find_root
from workspace.tool_command import ToolCommand

app = typer.Typer(add_completion=False)


@app.command("pin", cls=ToolCommand)
def main(
    address: Annotated[str, typer.Argument(help="For example models/yolo:yolov5n_weights.")],
    file: Annotated[
        Path | None, typer.Option(help="Pin this local file instead of downloading one.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the edit, write nothing.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a pin that differs.")] = False,
    no_hash_in_name: Annotated[
        bool,
        typer.Option("--no-hash-in-name", help="The digits in the file's name are not its hash."),
    ] = False,
    max_mib: Annotated[int, typer.Option(min=1, help="Refuse larger downloads.")] = 4096,
) -> None:
    """Pin a checkpoint: write its hash and size into the BUILD file.

    It is the checkpoint of a model_weights target, the hash its SHA-256. The file is downloaded from the first of the
    target's urls that gives it, checked for damage, and not kept. Compare the result with what the publisher says: a
    pin only promises that everybody builds from the file that was there now.
    """
    output, progress = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)
    root = find_root()
    declaration = read_declaration(root, address, same_checkout_environment(os.environ))
    build = find_build_file(root / declaration.folder, declaration.name)
    present = present_pin(build)
    source, content = (
        _from_urls(declaration, max_mib << 20, progress) if file is None else _from_file(file)
    )
    output.print(_summary(declaration, source, content))
    if not no_hash_in_name:
        check_name(declaration.file, content)
    if present.contradicts(content) and not force:
        raise ToolError(
            f"{declaration.address} is pinned already, to another file: sha256 "
            f"{present.sha256}, size {present.size}. Find out why the file changed; --force "
            "replaces the pin"
        )
    text = pinned_text(build, content)
    where = build.path.relative_to(root)
    if text == build.text:
        output.print(f"{where} has this pin already", markup=False, highlight=False)
    elif dry_run:
        output.print(_difference(str(where), build.text, text), markup=False, highlight=False)
    else:
        replace_text(build.path, text)
        output.print(f"wrote the pin into {where}", markup=False, highlight=False)


def _from_file(file: Path) -> tuple[str, CheckpointContent]:
    check_checkpoint_file(file)
    return str(file), content_of_file(file)


def _from_urls(
    declaration: WeightsDeclaration, max_bytes: int, console: Console
) -> tuple[str, CheckpointContent]:
    check_schemes(declaration.urls)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with tempfile.TemporaryDirectory(prefix="pin-") as folder:
        kept = Path(folder) / "checkpoint"
        with Progress(*columns, TransferSpeedColumn(), console=console) as bar:
            task = bar.add_task(declaration.file, total=None)
            result = download(
                declaration.urls,
                open_https_or_file,
                max_bytes,
                lambda done, total: bar.update(task, completed=done, total=total),
                kept,
            )
        check_checkpoint_file(kept, result.url)
    return result.url, result.content


def _summary(declaration: WeightsDeclaration, source: str, content: CheckpointContent) -> Table:
    rows = {
        "target": declaration.address,
        "file": declaration.file,
        "read from": source,
        "sha256": content.sha256,
        "size": f"{content.size} bytes",
        "compare with": declaration.source_page or "(the target has no source_page)",
    }
    table = Table.grid(padding=(0, 2))
    for name, value in rows.items():
        table.add_row(Text(name), Text(value, overflow="fold"))
    return table


def _difference(where: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"a/{where}", f"b/{where}", lineterm=""
    )
    return "\n".join(lines)

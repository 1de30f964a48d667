"""Put what devices measured beside their models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pte_foundry.errors import PteError
from pte_foundry.records.device_result import DeviceResult
from pte_foundry.records.outside_text import plain
from pte_foundry.tree.device_results import FOLDER, read_result, read_results, results_text
from record.command.indexed import MODELS, Indexed, find, named, read_indexes
from workspace.atomic_file import replace_text
from workspace.errors import ToolError
from workspace.root import find_root
from workspace.tool_command import NEGATIVE, ToolCommand

app = typer.Typer(add_completion=False)


@app.command("record", cls=ToolCommand)
def main(
    results: Annotated[
        list[Path] | None,
        typer.Argument(help="JSON files, each with what one device measured with one program."),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="List recorded results whose program has changed since."),
    ] = False,
    index: Annotated[
        list[Path] | None,
        typer.Option(
            help="An index that lists the programs; may be given again. Default: the committed ones."
        ),
    ] = None,
) -> None:
    """Put what a device measured beside its model.

    Adds each RESULT to models/FAMILY/device_results/PROGRAM.json, which you commit. The page of the model shows it as
    long as the program is the same. A result names the program's hash, device, system, runtime and source;
    docs/validation.md has the fields. Nothing is written if one RESULT is refused. Exit code 1: with --check, some
    programs have changed.
    """
    if check == bool(results):
        raise ToolError("give files with results, or --check")
    output = Console(soft_wrap=True, markup=False, highlight=False)
    root = find_root()
    programs = read_indexes(index or [root / "index.json", *sorted(root.glob("index_*.json"))])
    changed: list[str] = []
    try:
        if check:
            kept = recorded_results(root)
            changed = changed_results(kept, programs)
            number = "1 result is" if len(kept) == 1 else f"{len(kept)} results are"
            lines = [*changed, f"{number} recorded, {len(changed)} of them to be replaced"]
        else:
            lines = record(root, programs, results or ())
    except PteError as error:
        raise ToolError(plain(error.message)) from None
    for line in lines:
        output.print(line)
    raise typer.Exit(NEGATIVE if changed else 0)


def record(root: Path, programs: Sequence[Indexed], files: Sequence[Path]) -> list[str]:
    """Add the results in `files` to those that are recorded; return what was done, a line for each program.

    Raises:
        PteError: `bad-device-result` for a file that holds no result, or a recorded file that was changed by hand.
        ToolError: for a result of a program that no index has. In both cases nothing is written.
    """
    added: dict[Path, list[DeviceResult]] = {}
    for file in files:
        result = read_result(file)
        program = find(programs, result.program, plain(str(file)))
        path = Path(program.results)
        if not (root / path).parents[1].is_dir():
            raise ToolError(
                f"{plain(str(file))}: {program.address} is in {program.index}, but not in this repository: there is no "
                f"{path.parents[1]}. Record it in the repository that declares it"
            )
        added.setdefault(path, []).append(result)
    before = {path: _recorded(root, path) for path in added}
    texts = {path: results_text([*before[path], *those]) for path, those in added.items()}
    lines = []
    for path, text in sorted(texts.items()):
        new = set(added[path]) - set(before[path])
        if new:
            (root / path).parent.mkdir(exist_ok=True)
            replace_text(root / path, text)
        lines.append(
            f"{path}: {len(new)} new, {len(before[path])} were there before"
            if new
            else f"{path}: nothing new"
        )
    return lines


def recorded_results(root: Path) -> list[tuple[Path, DeviceResult]]:
    """Every result with its file, relative to the root.

    Raises:
        PteError: `bad-device-result` for a file that was changed by hand.
    """
    files = sorted(file.relative_to(root) for file in root.glob(f"{MODELS}/**/{FOLDER}/*.json"))
    return [(file, result) for file in files for result in _recorded(root, file)]


def changed_results(
    results: Sequence[tuple[Path, DeviceResult]], programs: Sequence[Indexed]
) -> list[str]:
    """A line for each result whose program no index has, so that no page shows it."""
    lines = []
    for path, result in results:
        if why := _why_changed(path, result, named(programs, result.program.name)):
            device, source = result.device, result.source
            lines.append(
                f"{path}: {device.model}, {source.date}, {source.who}: {why}. Measure again, or remove the result"
            )
    return lines


def _why_changed(path: Path, result: DeviceResult, found: Sequence[Indexed]) -> str | None:
    if not found:
        return f"no index has {result.program.name}"
    if path not in [Path(program.results) for program in found]:
        return f"it belongs into {found[0].results}"
    if result.program.sha256 not in [program.sha256 for program in found]:
        return f"{result.program.name} has changed since, from {result.program.sha256} to {found[0].sha256}"
    return None


def _recorded(root: Path, path: Path) -> tuple[DeviceResult, ...]:
    return read_results(str(path), root / path) if (root / path).exists() else ()

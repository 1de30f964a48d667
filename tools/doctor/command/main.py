"""Say what this machine can build, why not the rest, and what to do about it."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from doctor.checks.finding import can_build, gigabytes
from doctor.command.diagnosis import diagnose
from doctor.command.report import (
    caches_json,
    caches_table,
    findings_json,
    findings_table,
    verdict,
)
from doctor.disk.caches import find_caches, size_on_disk
from doctor.disk.environments import find_environments
from doctor.disk.removable import Removable, find_removable, remove
from doctor.facts.pants_options import Options, read_options, text_option
from pte_foundry.client.store import default_cache
from workspace.child_environment import same_checkout_environment
from workspace.errors import ToolError
from workspace.root import find_root
from workspace.tool_command import ToolCommand

app = typer.Typer(add_completion=False)


@app.command("doctor", cls=ToolCommand)
def main(
    disk: Annotated[
        bool, typer.Option("--disk", help="Show what the caches take instead of the checks.")
    ] = False,
    clean: Annotated[
        bool,
        typer.Option(
            "--clean",
            help="With --disk: remove old leftovers of builds and downloads, after asking.",
        ),
    ] = False,
    environments: Annotated[
        bool,
        typer.Option(
            "--environments",
            help="With --clean: also the environments of toolchains and tools, unless something uses them. "
            "They are made again when needed. Needs `./pants --no-pantsd`.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --clean: do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check what this machine can build, and how to fix the rest.

    Exit code 0 if the programs can be built with seeded weights, 1 if not; with --disk 0.
    """
    alone = (yes or environments) and not clean
    if (clean and not disk) or alone or (clean and as_json and not yes):
        raise typer.BadParameter(
            "--clean goes with --disk, --yes and --environments with --clean, and --json with --clean "
            "needs --yes"
        )
    output = Console(soft_wrap=as_json)
    root = find_root()
    options = read_options(root, same_checkout_environment(os.environ))
    if disk:
        named = Path(text_option(options, "", "named_caches_dir") or "")
        more = find_environments(named, root) if environments else []
        _disk(options, output, more, clean, yes, as_json)
        return
    findings = diagnose(root, options, os.environ)
    if as_json:
        print(findings_json(findings))
    else:
        output.print(findings_table(findings))
        output.print(verdict(findings), markup=False, highlight=False)
    raise typer.Exit(0 if can_build(findings) else 1)


def _disk(
    options: Options,
    output: Console,
    more: list[Removable],
    clean: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """more: to be removed beside the leftovers."""
    sizes = {cache: size_on_disk(cache.folder) for cache in find_caches(options, os.environ)}
    sandboxes = text_option(options, "", "local_execution_root_dir") or tempfile.gettempdir()
    removable = [*find_removable(Path(sandboxes), default_cache(), time.time()), *more]
    if as_json:
        print(caches_json(sizes, [str(each.path) for each in removable]))
    else:
        output.print(caches_table(sizes))
        for each in removable:
            output.print(f"can be removed: {each.path} ({each.why})", markup=False, highlight=False)
        output.print(
            "Pants uses its store and named caches while it runs. To be rid of them, end every Pants and "
            "its daemon (pantsd) first, then remove the folders",
            markup=False,
            highlight=False,
        )
    if clean and removable and (yes or typer.confirm(f"Remove these {len(removable)}?")):
        _remove(removable, output if not as_json else Console(stderr=True))


def _remove(removable: list[Removable], console: Console) -> None:
    freed = 0
    for each in removable:
        size = size_on_disk(each.path) if each.path.is_dir() else each.path.lstat().st_size
        try:
            remove(each)
        except OSError as error:
            raise ToolError(f"{each.path} cannot be removed ({error.strerror})") from error
        freed += size
    console.print(f"removed {len(removable)}, {gigabytes(freed)}", markup=False, highlight=False)

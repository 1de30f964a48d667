"""Check a tree: find everything that is wrong with it, in one go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pte_foundry.errors import PteError
from pte_foundry.tree.checks.verify import verify_tree
from workspace.errors import ToolError
from workspace.tool_command import NEGATIVE, ToolCommand

app = typer.Typer(add_completion=False)


@app.command("verify", cls=ToolCommand)
def main(
    tree: Annotated[Path, typer.Argument(help="The folder with SHA256SUMS in it.")],
    public_key: Annotated[
        Path | None,
        typer.Option(help="Also require a signature that matches this key (PEM)."),
    ] = None,
) -> None:
    """Check a tree against the hashes and index it lists.

    Checks every file's hash, extra and missing files, links, names that another system reads differently, the schema of
    each index and what it lists, versions.json, the provenance statement and the bill of materials. Reports everything
    that is wrong, sorted by path; exit code 0 for a sound tree, 1 if something is wrong. Changes nothing.
    """
    output = Console(soft_wrap=True, markup=False, highlight=False)
    progress = Console(stderr=True, soft_wrap=True, markup=False, highlight=False)
    try:
        defects = verify_tree(tree, public_key)
    except PteError as error:
        raise ToolError(error.message) from None
    for defect in defects:
        output.print(str(defect))
    if defects:
        progress.print(f"{tree}: {len(defects)} defects", style="red")
        raise typer.Exit(NEGATIVE)
    signed = "" if public_key is None else f", and signed with {public_key}"
    output.print(f"{tree} is sound{signed}")

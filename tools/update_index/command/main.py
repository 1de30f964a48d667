"""Rewrite the committed index."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import typer
from rich.console import Console

from pte_foundry.errors import PteError
from pte_foundry.index.compare_main import describe_differences
from workspace.atomic_file import replace_text
from workspace.child_environment import same_checkout_environment
from workspace.errors import ToolError
from workspace.pants_command import run_pants
from workspace.pants_run import PantsRun
from workspace.root import find_root
from workspace.tool_command import ToolCommand

app = typer.Typer(add_completion=False)

INDEX = "index.json"
# Everything that the committed index does not leave to a session, see `./pants help model_index_test`.
OPTIONS = (
    "--no-dynamic-ui",
    "--no-colors",
    "--weights-source=seeded",
    "--weights-substitutes=",
    "--qnn-sdk-root=",
    "--index-base-url=.",
    "--index-generated=1970-01-01T00:00:00Z",
)
RunPants = Callable[[Path, Mapping[str, str], tuple[str, ...]], PantsRun]


def update_index(root: Path, environment: Mapping[str, str], run: RunPants) -> list[str]:
    """Build `//:index` and replace the committed file with it; return what changed, one line each.

    Nothing is written if nothing changed.

    Raises:
        ToolError: if the build fails, or wrote no index.
    """
    run(root, environment, (*OPTIONS, "package", "//:index"))
    built, committed = root / "dist" / INDEX, root / INDEX
    if not built.is_file():
        raise ToolError(f"`./pants package //:index` wrote no {built}; look at its output")
    content = built.read_text(encoding="utf-8")
    if not committed.exists():
        replace_text(committed, content)
        return [f"new     {INDEX}"]
    if committed.read_bytes() == content.encode():
        return []
    try:
        differences = describe_differences(committed, built)
    except PteError as error:
        # As after a merge conflict. The replacement is sound, whatever it was.
        differences = [f"changed {INDEX}: it was not an index: {error.message}"]
    replace_text(committed, content)
    return differences


@app.command("update-index", cls=ToolCommand)
def main() -> None:
    """Rebuild index.json from seeded weights.

    It is what `./pants --weights-source=seeded package //:index` builds, at the repository's root. Prints which
    artifacts are changed, new or gone. `./pants test //:index_test` fails until the result is committed.
    """
    output = Console(soft_wrap=True, markup=False, highlight=False)
    progress = Console(stderr=True, soft_wrap=True, markup=False, highlight=False)
    root = find_root()
    progress.print("building and validating all programs from seeded weights")
    changes = update_index(root, same_checkout_environment(os.environ), run_pants)
    for line in changes or [f"{INDEX} is current"]:
        output.print(line)

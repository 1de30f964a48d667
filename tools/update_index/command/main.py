"""Write the committed indexes anew."""

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

# Those of `//:index_test`: each is what the target of its name in the BUILD file of the root writes.
INDEXES = ("index.json", "index_1_4.json")
# All that the committed index does not leave to a session, see `./pants help model_index_test`.
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


def update_indexes(root: Path, environment: Mapping[str, str], run: RunPants) -> list[str]:
    """Build all indexes and put them in the place of the committed files; return what changed, a line each.

    Nothing is written if nothing changed.

    Raises:
        ToolError: if the build fails, or does not write all of them.
    """
    targets = tuple(f"//:{name.removesuffix('.json')}" for name in INDEXES)
    run(root, environment, (*OPTIONS, "package", *targets))
    built = {name: root / "dist" / name for name in INDEXES}
    for target, file in zip(targets, built.values()):
        if not file.is_file():
            raise ToolError(f"`./pants package {target}` wrote no {file}; look at its output")
    return [line for name, file in built.items() for line in _update(root / name, file)]


def _update(committed: Path, built: Path) -> list[str]:
    content = built.read_text(encoding="utf-8")
    if not committed.exists():
        replace_text(committed, content)
        return [f"new     {committed.name}"]
    if committed.read_bytes() == content.encode():
        return []
    try:
        differences = describe_differences(committed, built)
    except PteError as error:
        # As after a merge conflict: what replaces it is sound whatever it was.
        differences = [f"changed {committed.name}: it was not an index: {error.message}"]
    replace_text(committed, content)
    return differences


@app.command("update-index", cls=ToolCommand)
def main() -> None:
    """Rebuild the committed indexes from seeded weights.

    They are what `./pants --weights-source=seeded package //:index //:index_1_4` builds, at the repository's root.
    Prints which artifacts are changed, new or gone. `./pants test //:index_test` fails until the result is committed.
    """
    output = Console(soft_wrap=True, markup=False, highlight=False)
    progress = Console(stderr=True, soft_wrap=True, markup=False, highlight=False)
    root = find_root()
    progress.print("building and validating all programs from seeded weights")
    changes = update_indexes(root, same_checkout_environment(os.environ), run_pants)
    for line in changes or [f"{name} is current" for name in INDEXES]:
        output.print(line)

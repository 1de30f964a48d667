"""Write the committed index anew."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import typer
from rich.console import Console

from pte_foundry.errors import PteError
from pte_foundry.index.compare_main import describe_differences
from workspace.child_environment import same_checkout_environment
from workspace.errors import ToolError
from workspace.pants_command import run_pants
from workspace.pants_run import PantsRun

app = typer.Typer(add_completion=False)

INDEX = "index.json"
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


def update_index(root: Path, environment: Mapping[str, str], run: RunPants) -> list[str]:
    """Build `//:index` and put it in the place of the committed file; return what changed, a line each.

    Nothing is written where nothing changed.

    Raises:
        ToolError: if the build fails, or wrote no index.
    """
    run(root, environment, (*OPTIONS, "package", "//:index"))
    built, committed = root / "dist" / INDEX, root / INDEX
    if not built.is_file():
        raise ToolError(f"`./pants package //:index` wrote no {built}; look at its output")
    content = built.read_bytes()
    if not committed.exists():
        _replace(committed, content)
        return [f"new     {INDEX}"]
    if committed.read_bytes() == content:
        return []
    try:
        differences = describe_differences(committed, built)
    except PteError as error:
        # As after a merge conflict: what replaces it is sound whatever it was.
        differences = [f"changed {INDEX}: it was no index: {error.message}"]
    _replace(committed, content)
    return differences


def _replace(file: Path, content: bytes) -> None:
    temporary = file.with_name(f".{file.name}.{os.getpid()}.new")
    try:
        temporary.write_bytes(content)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


@app.command()
def main() -> None:
    """Write index.json at the repository's root anew: what `./pants --weights-source=seeded package //:index` builds.

    Prints which artifacts are changed, new or gone. `./pants test //:index_test` fails until the result is committed.
    """
    output = Console(soft_wrap=True, markup=False, highlight=False)
    progress = Console(stderr=True, soft_wrap=True, markup=False, highlight=False)
    try:
        root = Path.cwd()
        if not (root / "pants").is_file() or not (root / "pants.toml").is_file():
            raise ToolError(
                f"{root} is not the repository's root: it has no ./pants and pants.toml"
            )
        progress.print("building and validating all programs from seeded weights")
        changes = update_index(root, same_checkout_environment(os.environ), run_pants)
    except ToolError as error:
        progress.print(f"tools/update_index: {error}", style="red")
        raise typer.Exit(1) from None
    for line in changes or [f"{INDEX} is current"]:
        output.print(line)


if __name__ == "__main__":
    app(prog_name="./pants run tools/update_index --")

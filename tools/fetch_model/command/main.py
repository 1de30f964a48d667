"""Fetch a program from a published tree: choose it, download it, check it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from fetch_model.command.copy_out import copy_out
from pte_foundry.client.catalogue import Catalogue, open_catalogue
from pte_foundry.client.errors import ClientError, NoArtifactError
from pte_foundry.client.index import Artifact, ListedFile
from pte_foundry.client.store import default_cache
from pte_foundry.records.outside_text import plain
from workspace.errors import ToolError
from workspace.tool_command import NEGATIVE, ToolCommand

_PLATFORMS = {"darwin": "macos", "win32": "windows"}

app = typer.Typer(add_completion=False)


def this_platform() -> str:
    """The name that an index has for the platform of this machine."""
    return _PLATFORMS.get(sys.platform, "linux")


@app.command("fetch", cls=ToolCommand)
def main(
    location: Annotated[
        str, typer.Argument(help="Root of the tree: an https URL, a file: URL or a folder.")
    ],
    model: Annotated[str, typer.Argument(help="For example yolo11n, or yolo11n_int8.")],
    platform: Annotated[
        str, typer.Option(help="android, ios, linux, macos, web or windows.")
    ] = this_platform(),
    backend: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[,NAME]",
            help="Allowed backends, in order of preference; default: what every device of the platform "
            "can run.",
        ),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[,NAME]",
            help="Allowed precisions, in order of preference; default: the backend's.",
        ),
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(help="Version of the ExecuTorch runtime; default: the tree's latest."),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(help="Copy the program and its labels into this folder, under their names."),
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Folder for fetched files; default: the user's cache.")
    ] = None,
    always_hash: Annotated[
        bool, typer.Option("--always-hash", help="Hash files that are already in the cache.")
    ] = False,
) -> None:
    """Fetch the best program for a platform from a published tree.

    Fetches its labels too. An interrupted download resumes. A file without the size and SHA-256 that the tree's index
    promises is refused. Prints the path of the program and, in a second line, that of its
    labels if it has some.

    Exit code 0 if it was fetched, 1 if the tree has nothing suitable, 2 if it could not be fetched.
    """
    progress = Console(stderr=True, soft_wrap=True)
    try:
        catalogue = open_catalogue(
            location, version=version, cache=cache or default_cache(), always_hash=always_hash
        )
        artifact = catalogue.best(
            model, platform, backends=_names(backend), precisions=_names(precision)
        )
        progress.print(_summary(catalogue, artifact), markup=False, highlight=False)
        for path in _fetch(catalogue, artifact, to, progress):
            print(path)
    except NoArtifactError as error:
        progress.print(str(error), style="red", markup=False, highlight=False)
        raise typer.Exit(NEGATIVE) from None
    except ClientError as error:
        raise ToolError(str(error)) from None


def _names(value: str | None) -> list[str] | None:
    return None if value is None else [name for name in value.split(",") if name]


def _summary(catalogue: Catalogue, artifact: Artifact) -> str:
    summary = plain(
        f"{artifact.file.name}: {artifact.backend}, {artifact.precision}, {artifact.license}, for "
        f"ExecuTorch {catalogue.index.version}"
    )
    if artifact.weights_source == "official":
        return summary
    return (
        f"{summary}\nNOT OFFICIAL WEIGHTS ({plain(artifact.weights_source)}): "
        "its predictions are not those of the published model"
    )


def _fetch(
    catalogue: Catalogue, artifact: Artifact, to: Path | None, console: Console
) -> list[Path]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, TransferSpeedColumn(), console=console, transient=True) as bar:

        def shown(file: ListedFile, path: Path) -> Path:
            return path if to is None else copy_out(path, to, file.name, file.content)

        task = bar.add_task(artifact.file.name, total=artifact.file.content.size)
        program = catalogue.fetch(artifact, lambda done, _: bar.update(task, completed=done))
        paths = [shown(artifact.file, program)]
        labels = catalogue.fetch_labels(artifact)
        if artifact.labels is not None and labels is not None:
            paths.append(shown(artifact.labels, labels))
    return paths

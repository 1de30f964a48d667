"""Show the catalogue of a tree in a browser."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from serve.command.server import ADDRESS, listen
from workspace.errors import ToolError
from workspace.root import find_root
from workspace.tool_command import ToolCommand

app = typer.Typer(add_completion=False)

_TREE = "dist/tree"
_CATALOGUE = "index.html"


@app.command("serve", cls=ToolCommand)
def main(
    folder: Annotated[
        Path | None, typer.Argument(help=f"A tree; default: {_TREE} of the repository.")
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where to listen; 0 takes any that is free.")
    ] = 8000,
) -> None:
    """Show the catalogue of a tree in a browser.

    Serves its files to this machine alone, prints the address, and stops on Ctrl-C.
    """
    tree = folder or find_root() / _TREE
    if not (tree / _CATALOGUE).is_file():
        raise ToolError(
            f"{tree}: has no {_CATALOGUE}. Build a tree with `./pants package //:tree`, or name the folder of one"
        )
    try:
        server = listen(tree, port)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise ToolError(
            f"--port: {port} is {'taken' if error.errno == errno.EADDRINUSE else 'not for you'}. Choose another one, "
            "or 0 for any that is free"
        ) from None
    with server:
        console = Console(stderr=True, soft_wrap=True, markup=False, highlight=False)
        console.print(
            f"serving {tree} at http://{ADDRESS}:{server.server_address[1]}/; Ctrl-C ends it"
        )
        server.serve_forever()

"""Sign a tree with a local key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pte_foundry.errors import PteError
from pte_foundry.tree.checks.signing import sign_tree
from pte_foundry.tree.checks.verify import verify_tree
from workspace.errors import ToolError
from workspace.tool_command import ToolCommand

app = typer.Typer(add_completion=False)


@app.command("sign", cls=ToolCommand)
def main(
    tree: Annotated[Path, typer.Argument(help="The folder with SHA256SUMS in it.")],
    private_key: Annotated[
        Path, typer.Option(help="An elliptic-curve key in PEM, without a passphrase.")
    ],
) -> None:
    """Sign a tree with a local key.

    Writes tree.sig into it, a Sigstore bundle over the hashes of all files. Works offline. A tree with defects is not
    signed. `openssl ecparam -name prime256v1 -genkey -noout -out key.pem` makes a key, and `openssl ec -in key.pem
    -pubout -out key.pub` the public one that `foundry verify` takes.
    """
    console = Console(stderr=True, soft_wrap=True, markup=False, highlight=False)
    try:
        defects = verify_tree(tree)
        if not defects:
            console.print(f"wrote {sign_tree(tree, private_key)}")
            return
    except PteError as error:
        raise ToolError(error.message) from None
    lines = "".join(f"\n  {defect}" for defect in defects)
    raise ToolError(f"{tree} has defects and was not signed:{lines}")

"""Sign a tree with a local key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pte_foundry.errors import PteError
from pte_foundry.tree.checks.signing import sign_tree
from pte_foundry.tree.checks.verify import verify_tree

app = typer.Typer(add_completion=False)


@app.command()
def main(
    tree: Annotated[Path, typer.Argument(help="The folder with SHA256SUMS in it.")],
    private_key: Annotated[
        Path, typer.Option(help="An elliptic-curve key in PEM, without passphrase.")
    ],
) -> None:
    """Sign a tree: writes tree.sig into it, a Sigstore bundle over the hashes of all files. Works offline.

    A tree with defects is not signed. `openssl ecparam -name prime256v1 -genkey -noout -out key.pem` makes a key, and
    `openssl ec -in key.pem -pubout -out key.pub` the public one that `tools/verify_tree` takes.
    """
    console = Console(stderr=True, soft_wrap=True, markup=False, highlight=False)
    try:
        if defects := verify_tree(tree):
            told = "".join(f"\n  {defect}" for defect in defects)
            raise PteError("bad-tree", f"{tree} has defects and was not signed:{told}")
        signature = sign_tree(tree, private_key)
    except PteError as error:
        console.print(f"tools/sign_tree: {error.message}", style="red")
        raise typer.Exit(1) from None
    console.print(f"wrote {signature}")


if __name__ == "__main__":
    app(prog_name="./pants run tools/sign_tree --")

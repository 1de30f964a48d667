"""Run a remote cache for one machine or a small team."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from cache_server.command.address import Address, parse_address
from cache_server.command.binary import find_casd
from cache_server.command.errors import CacheServerError
from cache_server.command.server import running_server

app = typer.Typer(add_completion=False)


@app.command()
def main(
    bind: Annotated[
        str, typer.Option(metavar="ADDRESS:PORT", help="What to listen on.")
    ] = "127.0.0.1:8980",
    allow_network: Annotated[
        bool,
        typer.Option(
            "--allow-network",
            help="Let --bind name an address that other machines reach. Whoever reaches it can read and "
            "write the cache, and can so run code on all machines that read it: for trusted networks only.",
        ),
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            help="Keeps the cache; else `cache-server` in the launcher's cache folder.",
        ),
    ] = None,
    quota: Annotated[
        str, typer.Option(metavar="SIZE", help="Size at which old entries are deleted, like 20G.")
    ] = "20G",
) -> None:
    """Run a remote cache (buildbox-casd) until Ctrl-C, and say which options of ./pants use it.

    Exit code 0 if it was ended by Ctrl-C or SIGTERM, 1 if it ended by itself, 2 if it could not start.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        address = parse_address(bind)
        if not address.is_loopback and not allow_network:
            raise CacheServerError(
                f"--bind: other machines reach {address}, and the server asks nobody who they are. If all "
                "of them may write to this cache, add --allow-network"
            )
        place = (folder or _default_folder()).absolute()
        with running_server(find_casd(), place, address, quota) as child:
            console.print(instructions(address, place, quota), markup=False)
            code = child.wait()
    except CacheServerError as error:
        console.print(f"tools/cache_server: {error}", markup=False)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        console.print("stopped", markup=False)
        raise typer.Exit(0) from None
    console.print(
        f"tools/cache_server: buildbox-casd ended by itself, exit code {code}", markup=False
    )
    raise typer.Exit(1)


def instructions(address: Address, folder: Path, quota: str) -> str:
    """What a person sets to use the cache."""
    return (
        f"serving {folder} (up to {quota}) on {address.url}; Ctrl-C ends it. To use it:\n"
        "    export PANTS_CONFIG_FILES=pants.remote.toml\n"
        f"    export PANTS_REMOTE_STORE_ADDRESS={address.url}\n"
        "and, where results are to be written too:\n"
        "    export PANTS_REMOTE_CACHE_WRITE=true"
    )


def _default_folder() -> Path:
    cache = os.environ.get("PTE_FOUNDRY_CACHE")
    if cache is None:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        cache = str(Path(base) / "pte-foundry")
    return Path(cache) / "cache-server"


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    app(prog_name="./pants run tools/cache_server --")

"""Run a remote cache for one machine or a small team, which can execute exports and validations too."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cache_server.command.address import Address, parse_address
from cache_server.command.binary import find_casd
from cache_server.command.execution import Execution, prepare_execution, store_url
from cache_server.command.server import running_server
from cache_server.command.token_proxy import make_token
from workspace.errors import ToolError
from workspace.tool_command import NEGATIVE, ToolCommand

app = typer.Typer(add_completion=False)


@app.command("cache-server", cls=ToolCommand)
def main(
    bind: Annotated[
        str, typer.Option(metavar="ADDRESS:PORT", help="What to listen on.")
    ] = "127.0.0.1:8980",
    allow_network: Annotated[
        bool,
        typer.Option(
            "--allow-network",
            help="Let --bind name an address that other machines reach. Whoever reaches it can read and "
            "write the cache, and so run code on every machine that reads it: for trusted networks only.",
        ),
    ] = False,
    token: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Write a new token to this file, readable only by you, and require it from every client. "
            "Without this, every user of this machine can write to the cache, and so run code as everyone who "
            "reads it.",
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            help="Folder of the cache; default: `cache-server` in the launcher's cache folder.",
        ),
    ] = None,
    quota: Annotated[
        str, typer.Option(metavar="SIZE", help="Size at which old entries are deleted, like 20G.")
    ] = "20G",
    execute: Annotated[
        bool,
        typer.Option(
            "--execute",
            help="Run exports and validations of others here too, each in a sandbox without network. Whoever reaches "
            "the server can then run programs on this machine.",
        ),
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="With --execute: how many run at once; by default one for each CPU. An export takes up to 2 GB.",
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="With --execute: run processes for another service, like grpc://192.0.2.1:8980, whose worker this "
            "machine is. Inputs come from that service, and results go to it.",
        ),
    ] = None,
) -> None:
    """Run a remote cache for one machine or a small team.

    Runs buildbox-casd, prints the ./pants options that use it, and stops on Ctrl-C. Exit code 1 if the server ends by
    itself.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    address = parse_address(bind)
    if not address.is_loopback and not allow_network:
        raise ToolError(
            f"--bind: other machines can reach {address}, and the server has no authentication. If all "
            "of them may write to this cache, add --allow-network"
        )
    if jobs is not None and not execute:
        raise ToolError("--jobs: says how many processes run at once. Add --execute")
    if store is not None and not execute:
        raise ToolError("--store: names the service for which processes run here. Add --execute")
    url = None if store is None else store_url(store)
    place = (folder or _default_folder()).absolute()
    program, execution = find_casd(), None
    if execute:
        console.print("making sure of the programs that execute", markup=False)
        execution = prepare_execution(place, jobs or len(os.sched_getaffinity(0)), url)
        program = execution.programs.casd
    secret = None if token is None else make_token(token.absolute())
    with running_server(program, place, address, quota, secret, execution) as child:
        console.print(instructions(address, place, quota, token, execution), markup=False)
        code = child.wait()
    console.print(f"buildbox-casd ended by itself, exit code {code}", markup=False)
    raise typer.Exit(NEGATIVE)


def instructions(
    address: Address,
    folder: Path,
    quota: str,
    token: Path | None,
    execution: Execution | None = None,
) -> str:
    """What to set to use the server, and who is trusted with it."""
    lines = []
    if token is None:
        who = (
            "Every user of this machine" if address.is_loopback else "Every machine that reaches it"
        )
        here = "run programs on this machine, " if execution else ""
        lines.append(
            f"WARNING: this server has no authentication. {who} can {here}write to the cache, and so run code as "
            "everyone who reads from it. Add --token FILE to admit only those who have that file"
        )
    if execution is not None and execution.store is not None:
        lines += [
            f"executing on {address.url}, {at_once(execution)}, for {execution.store}; Ctrl-C ends it. "
            "Start what takes the work of that service and gives it to this server: docs/remote-execution.md",
        ]
        return "\n".join(lines)
    executing = f", {at_once(execution)}" if execution else ""
    settings = "pants.remote-execution.toml" if execution else "pants.remote.toml"
    lines += [
        f"serving {folder} (up to {quota}) on {address.url}{executing}; Ctrl-C ends it. To use it:",
        f"    export PANTS_CONFIG_FILES={settings}",
        f"    export PANTS_REMOTE_STORE_ADDRESS={address.url}",
    ]
    if execution is not None:
        lines.append(f"    export PANTS_REMOTE_EXECUTION_ADDRESS={address.url}")
    if token is not None:
        path = shlex.quote(str(token.absolute()))
        lines.append(f"    export PANTS_REMOTE_OAUTH_BEARER_TOKEN_PATH={path}")
    lines += [
        "and, to write results too:",
        "    export PANTS_REMOTE_CACHE_WRITE=true",
    ]
    return "\n".join(lines)


def at_once(execution: Execution) -> str:
    """`with 2 processes at once`."""
    return f"with {execution.jobs} process{'' if execution.jobs == 1 else 'es'} at once"


def _default_folder() -> Path:
    cache = os.environ.get("PTE_FOUNDRY_CACHE")
    if cache is None:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        cache = str(Path(base) / "pte-foundry")
    return Path(cache) / "cache-server"

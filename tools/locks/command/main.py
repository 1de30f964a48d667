"""Regenerate the lockfiles of `3rdparty/python` from `locks.toml`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from locks.command.compile import compile_lock
from locks.command.index_addresses import session_addresses
from locks.command.plan import PLAN_FILE, read_plan
from workspace.atomic_file import replace_text
from workspace.errors import ToolError
from workspace.root import find_root
from workspace.tool_command import NEGATIVE, ToolCommand

app = typer.Typer(add_completion=False)


@app.command("locks", cls=ToolCommand)
def main(
    names: Annotated[
        list[str] | None, typer.Argument(help="The locks to regenerate; default: all.")
    ] = None,
    check: Annotated[
        bool, typer.Option(help="Write nothing; exit 1 if a lockfile is out of date.")
    ] = False,
    upgrade: Annotated[
        bool, typer.Option(help="Take the newest versions instead of the locked ones.")
    ] = False,
) -> None:
    """Regenerate the lockfiles of 3rdparty/python from locks.toml.

    Versions that are locked now stay unless --upgrade is given or the plan asks for others. The package index is the
    one that Pants uses ([python-repos], from your pip settings).
    """
    console = Console(stderr=True)
    plan_file = find_root() / PLAN_FILE
    plan = read_plan(plan_file)
    known = {lock.name: lock for lock in plan.locks}
    if unknown := sorted(set(names or ()) - set(known)):
        raise ToolError(
            f"{PLAN_FILE}: no lock is called {', '.join(unknown)}; there are {', '.join(sorted(known))}"
        )
    stale = []
    for lock in (known[name] for name in names) if names else plan.locks:
        console.print(f"resolving {lock.name}: {lock.about}", markup=False)
        target = plan_file.parent / lock.file
        present = target.read_text() if target.exists() else ""
        text = compile_lock(
            plan,
            lock,
            find_links=session_addresses("PANTS_PYTHON_REPOS_FIND_LINKS"),
            indexes=session_addresses("PANTS_PYTHON_REPOS_INDEXES"),
            upgrade="" if upgrade else present,
        )
        if text == present:
            continue
        stale.append(lock.file)
        if not check:
            replace_text(target, text)
    console.print(
        f"{'stale' if check else 'written'}: {', '.join(stale) or 'none, all are current'}"
    )
    raise typer.Exit(NEGATIVE if check and stale else 0)

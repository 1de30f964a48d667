"""Move the toolchains to another ExecuTorch, or put it beside the present one."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from locks.command.compile import compile_lock
from locks.command.index_addresses import session_addresses
from locks.command.plan import PLAN_FILE, Lock, read_plan
from upgrade.command.changes import lock_changes
from upgrade.command.pins import check_version, locks_to_change, pinned_version, with_pins
from workspace.atomic_file import replace_text
from workspace.errors import ToolError
from workspace.root import find_root
from workspace.tool_command import ToolCommand

EXECUTORCH = "executorch"

_NEXT_STEPS = {
    True: """\
Next, on the backends of //toolchains/next:
    ./pants --weights-source=seeded --tag=nightly test toolchains/next::
    ./pants --weights-source=seeded package toolchains/next:index
docs/upgrading.md says how to go on.""",
    False: """\
Next:
    ./pants test src/python/pte_foundry::
    ./pants --weights-source=seeded test models::
    ./foundry update-index
docs/upgrading.md has the whole list, and what broke last time.""",
}

app = typer.Typer(add_completion=False)


@app.command("upgrade", cls=ToolCommand)
def main(
    executorch: Annotated[
        str, typer.Option(metavar="VERSION", help="The ExecuTorch version to move to.")
    ],
    beside: Annotated[
        bool,
        typer.Option(
            "--beside",
            help="Change the locks of //toolchains/next alone; the present toolchains stay.",
        ),
    ] = False,
    also: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VERSION",
            help="Another pin of the same locks, e.g. torchao=0.18.0; repeatable.",
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Resolve and show the changes; write nothing.")
    ] = False,
) -> None:
    """Move to another ExecuTorch version, or add it beside this one.

    Pins it in 3rdparty/python/locks.toml and regenerates the affected lockfiles. Nothing is written unless all of them
    resolve. The package index is the one that Pants uses ([python-repos], from your pip settings).
    """
    errors = Console(stderr=True, soft_wrap=True)
    output = Console(width=None if Console().is_terminal else 120)
    versions = {EXECUTORCH: executorch, **_pairs(also or [])}
    for package, version in versions.items():
        check_version(package, version)
    plan_file = find_root() / PLAN_FILE
    chosen = locks_to_change(read_plan(plan_file).locks, EXECUTORCH, beside)
    _check_pins(chosen, versions)
    new_plan = with_pins(plan_file.read_text(encoding="utf-8"), chosen, versions)
    resolved = _resolve(new_plan, plan_file, [lock.name for lock in chosen], errors)
    for path, text in resolved.items():
        present = path.read_text(encoding="utf-8") if path.exists() else ""
        output.print(_changes_table(path, present, text))
    if check:
        output.print("nothing is written: --check", highlight=False)
        return
    for path, text in resolved.items():
        replace_text(path, text)
    # Last: as long as it is the old one, `foundry locks --check` finds what a killed tool has left.
    replace_text(plan_file, new_plan)
    output.print(_NEXT_STEPS[beside], markup=False, highlight=False)


def _pairs(words: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for word in words:
        name, equals, version = word.partition("=")
        if not (name and equals and version):
            raise ToolError(f"--also: {word!r} is not like torchao=0.18.0")
        pairs[name] = version
    return pairs


def _check_pins(locks: Sequence[Lock], versions: Mapping[str, str]) -> None:
    """Each package is pinned somewhere, and something changes."""
    for package in versions:
        if not any(pinned_version(lock, package) for lock in locks):
            names = ", ".join(lock.name for lock in locks)
            raise ToolError(
                f"{package} is pinned in none of the locks {names}. Add it to {PLAN_FILE}"
            )
    if all(
        pinned_version(lock, package) in (None, version)
        for lock in locks
        for package, version in versions.items()
    ):
        raise ToolError(
            f"nothing would change: {', '.join(f'{name} {version}' for name, version in versions.items())} "
            "is what is pinned. `./foundry locks` makes the lockfiles anew"
        )


def _resolve(
    new_plan: str, plan_file: Path, names: Sequence[str], console: Console
) -> dict[Path, str]:
    """Lockfile -> its new text. Raises ToolError if one has no solution."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / plan_file.name
        file.write_text(new_plan, encoding="utf-8")
        plan = read_plan(file)
    resolved = {}
    for lock in (each for each in plan.locks if each.name in names):
        console.print(f"resolving {lock.name}: {lock.about}", markup=False, highlight=False)
        path = plan_file.parent / lock.file
        resolved[path] = compile_lock(
            plan,
            lock,
            find_links=session_addresses("PANTS_PYTHON_REPOS_FIND_LINKS"),
            indexes=session_addresses("PANTS_PYTHON_REPOS_INDEXES"),
            upgrade=path.read_text(encoding="utf-8") if path.exists() else "",
        )
    return resolved


def _changes_table(path: Path, before: str, after: str) -> Table:
    table = Table("package", "before", "after", title=path.name, title_justify="left")
    for change in lock_changes(before, after):
        table.add_row(
            *(Text(each or "-") for each in (change.package, change.before, change.after))
        )
    return table

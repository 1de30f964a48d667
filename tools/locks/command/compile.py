"""Run the resolver (`uv pip compile`) for one lock of the plan."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from locks.command.plan import Lock, Plan
from locks.command.trim import parse_entries, render_lock, trim
from workspace.child import run_child
from workspace.errors import ToolError

# A marker that holds nowhere: overriding a dependency with it leaves the dependency out.
_NOWHERE = "sys_platform == 'never'"


def find_uv() -> str:
    """The `uv` of this tool's own environment, else the one on PATH. Raises ToolError if there is none."""
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise ToolError("uv was not found; run this command as `./foundry locks`")
    return found


def compile_lock(
    plan: Plan,
    lock: Lock,
    *,
    find_links: Sequence[str] = (),
    indexes: Sequence[str] = (),
    upgrade: str = "",
) -> str:
    """The text of `lock`'s lockfile. `upgrade` is the text of the present lockfile, whose versions are preferred.

    Raises ToolError with the resolver's own message if there is no solution or no index.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "requirements.in").write_text("\n".join(lock.requirements) + "\n")
        (folder / "constraints.txt").write_text(
            "".join(f"{name}=={version}\n" for name, version in plan.constraints.items())
        )
        (folder / "overrides.txt").write_text(
            "".join(f"{name} ; {_NOWHERE}\n" for name in lock.drop if "*" not in name)
        )
        output = folder / "out.lock"
        if upgrade:
            output.write_text(upgrade)
        command = [
            find_uv(), "pip", "compile", str(folder / "requirements.in"),
            "--universal", "--python-version", min(lock.python, key=_minor),
            "--generate-hashes", "--no-annotate", "--no-header",
            "--no-emit-index-url", "--no-emit-find-links", "--emit-build-options",
            "--constraint", str(folder / "constraints.txt"),
            "--override", str(folder / "overrides.txt"),
            "--output-file", str(output), "--quiet",
            *(argument for link in find_links for argument in ("--find-links", link)),
            *(argument for index in indexes for argument in ("--index", index)),
        ]  # fmt: skip
        result = run_child(command)
        if result.returncode != 0:
            raise ToolError(f"[locks.{lock.name}]: the resolver failed:\n{result.stderr.strip()}")
        entries = parse_entries(output.read_text())
    return render_lock(plan, lock, trim(entries, plan.environments(lock), plan.pins, lock.drop))


def _minor(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))

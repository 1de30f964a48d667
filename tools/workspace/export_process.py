"""The process of an export, as found in a kept sandbox."""

from __future__ import annotations

import subprocess
from functools import partial
from pathlib import Path

from pte_foundry.confinement.namespaces import enter_user_namespace
from workspace.child import how_it_ended, last_lines, run_child
from workspace.errors import ToolError
from workspace.run_script import Command

PROGRAM = "program.pte"
OUTPUTS = (PROGRAM, "facts.json")
# How the plugin tells a toolchain where the sources are: folders in the sandbox, with `:` between them.
SOURCE_ROOTS = "PEX_EXTRA_SYS_PATH"


def split_at_module(command: Command) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The arguments before `-m`, and those after it. Raises ToolError if there is no `-m`."""
    if "-m" not in command.argv:
        raise ToolError(f"the export runs no Python module: {' '.join(command.argv)}")
    place = command.argv.index("-m")
    return command.argv[:place], command.argv[place + 1 :]


def source_roots(command: Command) -> list[str]:
    """Where the process finds the repository's Python files, relative to its sandbox."""
    return [folder for folder in command.environment.get(SOURCE_ROOTS, "").split(":") if folder]


def run_in_sandbox(
    root: Path,
    command: Command,
    umask: int = -1,
    exit_codes: tuple[int, ...] = (0,),
    user_id: int | None = None,
) -> str:
    """Run a command with `root` as its working directory; returns its standard output.

    Raises ToolError with the end of its standard error for any other exit code, and if it cannot run as `user_id`.
    """
    try:
        finished = run_child(
            command.argv,
            folder=root,
            environment=command.environment,
            umask=umask,
            prepare=None if user_id is None else partial(enter_user_namespace, user_id, user_id),
        )
    except subprocess.SubprocessError as error:
        # An exception in the new process arrives without its message.
        raise ToolError(
            f"the process could not become user {user_id}: this machine allows no user namespaces. Leave the "
            "perturbation out with --only"
        ) from error
    if finished.returncode not in exit_codes:
        raise ToolError(
            f"the process {how_it_ended(finished.returncode)}. The end of its output:\n"
            f"{last_lines(finished.stderr)}"
        )
    return finished.stdout

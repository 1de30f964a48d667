"""Run a piece of Python in a confined process; for tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

# The defences, by the names that `confined.py` calls them.
DESCRIPTORS = "close_descriptors"
NAMESPACES = "enter_namespaces"
INPUTS = "make_inputs_read_only"
OWN_TREE = "enter_own_tree"
LANDLOCK = "restrict_files"
PRIVILEGES = "give_up_privileges"
FILTER = "filter_system_calls"
GUARD = "install_socket_guard"
ALL = (DESCRIPTORS, NAMESPACES, INPUTS, OWN_TREE, LANDLOCK, PRIVILEGES, FILTER, GUARD)
_ALWAYS_WORK = (DESCRIPTORS, GUARD)

# `{without}` makes what the kernel offers fail, as on a machine that does not allow it.
_START = """
import ctypes, json, os, pathlib, signal, socket, subprocess, sys, tempfile
from pte_foundry.confinement import confined
def forbidden(*arguments):
    raise PermissionError(1, "Operation not permitted")
def left_out():
    pass
for name in {without!r}:
    assert hasattr(confined, name)
    setattr(confined, name, left_out if name in {always_work!r} else forbidden)
def action():
{body}
    return 0
sys.exit(confined.confined(action))
"""


def canary_command(body: str, without: Sequence[str] = ()) -> list[str]:
    """The command of a process that runs `body`, the statements of a function, `without` some of ALL."""
    indented = "\n".join(f"    {line}" for line in body.strip().splitlines())
    code = _START.format(without=tuple(without), always_work=_ALWAYS_WORK, body=indented)
    return [sys.executable, "-c", code]


def canary_environment() -> dict[str, str]:
    """In which it finds what this process imports."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def run_canary(
    sandbox: Path,
    body: str,
    without: Sequence[str] = (),
    before: Callable[[], None] | None = None,
    descriptors: Sequence[int] = (),
) -> subprocess.CompletedProcess[str]:
    """Run `body`, the statements of a function, in `sandbox`, `without` some of ALL.

    `before` is called in the process before Python is started in it, which inherits `descriptors`.
    """
    sandbox.mkdir(exist_ok=True)
    return subprocess.run(
        canary_command(body, without),
        cwd=sandbox,
        env=canary_environment(),
        capture_output=True,
        text=True,
        preexec_fn=before,
        pass_fds=descriptors,
        check=False,
    )

"""Run a piece of Python in a confined process; for tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

# `{without}` makes what the kernel offers fail, as on a machine that does not allow it.
_START = """
import json, os, pathlib, socket, subprocess, sys, tempfile
from pte_foundry.confinement import confined
def forbidden(*arguments):
    raise PermissionError(1, "Operation not permitted")
for name in {without!r}:
    assert hasattr(confined, name)
    setattr(confined, name, forbidden)
def action():
{body}
    return 0
sys.exit(confined.confined(action))
"""
NAMESPACE = "enter_namespaces"
LANDLOCK = "restrict_files"


def run_canary(
    sandbox: Path,
    body: str,
    without: tuple[str, ...] = (),
    before: Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run `body`, the statements of a function, in `sandbox`; `without` of NAMESPACE and LANDLOCK.

    `before` is called in the process before Python is started in it.
    """
    sandbox.mkdir(exist_ok=True)
    indented = "\n".join(f"    {line}" for line in body.strip().splitlines())
    return subprocess.run(
        [sys.executable, "-c", _START.format(without=without, body=indented)],
        cwd=sandbox,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        preexec_fn=before,
        check=False,
    )

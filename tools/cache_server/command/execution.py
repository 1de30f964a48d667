"""Let the server run processes too, in sandboxes: what it is started with, and what they see of this machine."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cache_server.command.programs import Programs, install_programs
from workspace.errors import ToolError

# What exports may use of a machine (`pte_foundry/confinement/files.py`), but for the root folder's other software.
_SYSTEM = (
    "/bin",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/lib",
    "/lib64",
    "/sbin",
    "/usr",
)
# Where `pte_build/remote_runs` looks for a Python and the worker's name, and for a folder that outlives a process.
_PYTHON = "/opt/pte-foundry"
_KEPT = "/var/cache/pte-foundry"
_SECONDS = 20.0
_SCHEMES = {"grpc": "http", "grpcs": "https"}
# buildbox-run mounts what it is told to so that processes can change it: with root's rights, all of /usr.
_READ_ONLY = """#!/bin/sh
left=$#
while [ "$left" -gt 0 ]; do
  word=$1
  shift
  left=$((left - 1))
  case $word in
    --bind | --dev-bind)
      case $1 in
        {folders}) word=--ro-bind ;;
      esac
      ;;
  esac
  set -- "$@" "$word"
done
exec {bwrap} "$@"
"""


@dataclass(frozen=True)
class Execution:
    """mounts: folder of this machine to its path in sandboxes; all but `kept` are read-only there, if `bwrap` makes
    them. jobs: how many processes run at once. store: the URL of a service that inputs come from and results go to,
    for buildbox-casd; None to keep them here.
    """

    programs: Programs
    bwrap: Path
    kept: Path
    mounts: tuple[tuple[str, str], ...]
    jobs: int
    store: str | None = None

    def arguments(self) -> list[str]:
        """Those of buildbox-casd."""
        return [
            f"--buildbox-run={self.programs.runner}",
            f"--jobs={self.jobs}",
            *(
                ()
                if self.store is None
                else (f"--cas-remote={self.store}", f"--ac-remote={self.store}")
            ),
            *(f"--runner-arg=--bind-mount={here}:{there}" for here, there in self.mounts),
        ]

    def search_path(self, path: str) -> str:
        """`PATH` with the program that makes sandboxes, which the runner looks for there."""
        return f"{self.bwrap.parent}{os.pathsep}{path}"

    def write_bwrap(self) -> None:
        """Make the program that shows this machine's folders read-only."""
        shown = [here for here, _ in self.mounts if here != str(self.kept)]
        text = _READ_ONLY.format(
            folders=" | ".join(map(shlex.quote, shown)), bwrap=shlex.quote(str(self.programs.bwrap))
        )
        self.bwrap.parent.mkdir(exist_ok=True)
        self.bwrap.write_text(text, encoding="utf-8")
        self.bwrap.chmod(0o755)


def store_url(address: str) -> str:
    """A `grpc://` or `grpcs://` address as buildbox-casd takes it. Raises ToolError for another one."""
    scheme, _, place = address.partition("://")
    if scheme not in _SCHEMES or not place:
        raise ToolError(
            f"--store: {address!r} is not an address of a service, like grpc://192.0.2.1:8980"
        )
    return f"{_SCHEMES[scheme]}://{place}"


def prepare_execution(folder: Path, jobs: int, store: str | None = None) -> Execution:
    """Install the programs, and make the folders that sandboxes share, below `folder`. store: see `Execution`.

    Raises ToolError if this machine lacks a program, or allows no sandbox.
    """
    own_folder = folder / "worker"
    programs = install_programs(own_folder / "programs")
    check_sandbox(programs.bwrap)
    python, kept = own_folder / "python", own_folder / "kept"
    for each in (python, kept):
        each.mkdir(parents=True, exist_ok=True)
    link_python(python)
    (python / "name").write_text(f"{platform.node()}\n", encoding="utf-8")
    prefix = sys.base_prefix
    system = [path for path in _SYSTEM if os.path.exists(path)]
    own = [] if prefix.startswith("/usr") else [(prefix, prefix)]
    mounts = [*((path, path) for path in system), *own, (str(python), _PYTHON), (str(kept), _KEPT)]
    execution = Execution(programs, own_folder / "bin" / "bwrap", kept, tuple(mounts), jobs, store)
    execution.write_bwrap()
    return execution


def link_python(folder: Path) -> None:
    """A link to this tool's own CPython, the one that exports of this machine use, under the name of its version."""
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    link = folder / name
    link.unlink(missing_ok=True)
    link.symlink_to(Path(sys.base_prefix, "bin", name))


def check_sandbox(bwrap: Path) -> None:
    """Raises ToolError if this machine allows no sandbox."""
    command = [
        str(bwrap),
        "--ro-bind",
        "/",
        "/",
        "--unshare-pid",
        "--unshare-net",
        "/bin/sh",
        "-c",
        ":",
    ]
    tried = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if tried.returncode != 0:
        raise ToolError(
            f"--execute: no sandbox can be made here: {tried.stderr.strip()}. Let users create namespaces: `sysctl "
            "kernel.unprivileged_userns_clone=1` on Debian, `kernel.apparmor_restrict_unprivileged_userns=0` on "
            "Ubuntu; in a container, allow `unshare` and mounts (`--security-opt seccomp=unconfined`)"
        )

"""The virtual environments and wheels of toolchains and tools, the largest part of the named caches.

They are remade from Pants' store when needed, which takes seconds for each environment.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from doctor.disk.caches import ENVIRONMENTS
from doctor.disk.removable import Removable
from workspace.daemon import running_daemons
from workspace.errors import ToolError

_PROCESSES = Path("/proc")


def find_environments(
    named_caches: Path, root: Path, processes: Path = _PROCESSES
) -> list[Removable]:
    """The folder of environments, if it exists.

    Args:
        named_caches: Pants' folder of named caches.
        root: the build root.
        processes: Linux's /proc.

    Raises ToolError while a daemon of this checkout runs, while another process uses an environment, or if that is
    unknown.
    """
    folder = named_caches / ENVIRONMENTS
    if not folder.is_dir():
        return []
    if daemons := running_daemons(root):
        pids = " ".join(map(str, daemons))
        raise ToolError(
            f"a daemon of Pants runs in {root} (process {pids}), and may use the environments. End it "
            f"with `kill {pids}`, then run `./foundry doctor --disk --clean --environments`"
        )
    if not processes.is_dir():
        raise ToolError(
            f"without {processes} the users of {folder} are unknown. End every Pants, "
            "then remove the folder by hand"
        )
    if users := sorted(_users(folder.resolve(), processes, _own(processes))):
        raise ToolError(
            f"{folder} is used by the processes {', '.join(map(str, users))}. Wait for them, or end them"
        )
    return [Removable(folder, "environments of toolchains and tools; remade when needed")]


def _own(processes: Path) -> set[int]:
    """This process and its ancestors: the tool runs in an environment itself, and is nearly done."""
    own = set()
    pid = os.getpid()
    while pid > 0 and pid not in own:
        own.add(pid)
        pid = _parent(processes / str(pid) / "stat")
    return own


def _parent(stat: Path) -> int:
    try:
        # After the program's name in brackets: the state, then the parent (proc(5)).
        return int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def _users(folder: Path, processes: Path, own: set[int]) -> Iterator[int]:
    marks = (f"{folder}/", f"{folder}\n")
    for process in processes.glob("[0-9]*"):
        if int(process.name) in own:
            continue
        said = "\n".join([*_links(process), _text(process / "maps"), _text(process / "cmdline")])
        if any(mark in f"{said}\n" for mark in marks):
            yield int(process.name)


def _links(process: Path) -> Iterator[str]:
    for name in ("cwd", "exe"):
        try:
            yield os.readlink(process / name)
        except OSError:  # The process has ended, or is another user's.
            continue


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""

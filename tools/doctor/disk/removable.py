"""Leftovers that no process uses any more."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_DAY_SECONDS = 24 * 3600
_PROCESSES = Path("/proc")


@dataclass(frozen=True)
class Removable:
    """why: what it is, and why it is not needed."""

    path: Path
    why: str


def find_removable(
    sandboxes: Path, client_cache: Path, now: float, processes: Path = _PROCESSES
) -> list[Removable]:
    """Old kept sandboxes of Pants, and abandoned downloads; sorted.

    Pants' own caches are excluded: a running Pants may use any part of them (see `environments`).

    Args:
        sandboxes: folder that Pants makes its sandboxes in.
        client_cache: of `pte_foundry.client`.
        now: seconds since 1970, as `time.time()`.
        processes: Linux's /proc.
    """
    in_use = [Path(folder) for folder in _working_folders(processes)]
    found = [
        Removable(path, "a sandbox of Pants, older than a day, which no process works in")
        for path in sandboxes.glob("pants-sandbox-*")
        if _is_old(path, now)
        and path.is_dir()
        and not path.is_symlink()
        and not any(path == used or path in used.parents for used in in_use)
    ]
    found += [
        Removable(path, "a download that was cut off more than a day ago")
        for path in client_cache.glob("partial/*")
        if _is_old(path, now)
    ]
    return sorted(found, key=lambda each: each.path)


def remove(removable: Removable) -> None:
    """Raises OSError if something cannot be removed."""
    if removable.path.is_dir():
        # Renamed first, so that no process finds half of a folder.
        gone = removable.path.with_name(f".removed-{os.getpid()}-{removable.path.name}")
        removable.path.rename(gone)
        shutil.rmtree(gone)
    else:
        removable.path.unlink(missing_ok=True)


def _is_old(path: Path, now: float) -> bool:
    """Whether it is ours and unchanged for a day."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return found.st_uid == os.getuid() and now - found.st_mtime > _DAY_SECONDS


def _working_folders(processes: Path) -> Iterator[str]:
    for link in processes.glob("[0-9]*/cwd"):
        try:
            yield os.readlink(link)
        except OSError:  # The process has ended, or is another user's.
            continue

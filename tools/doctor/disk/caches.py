"""The caches of builds, and their sizes on disk."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from doctor.facts.launcher import launcher_cache
from doctor.facts.pants_options import PantsOptions

ENVIRONMENTS = "pex_root"
"""PEX's folder in the named caches, with the virtual environments."""


@dataclass(frozen=True)
class Cache:
    """what: its content, and the cost of losing it."""

    name: str
    folder: Path
    what: str


def find_caches(options: PantsOptions, environment: Mapping[str, str]) -> list[Cache]:
    """All caches, existing or not."""
    named = options.named_caches_dir
    return [
        Cache(
            "Pants' store",
            options.local_store_dir,
            "results of processes; without it all is built anew",
        ),
        Cache("named caches", named, "the environments below, and little else"),
        Cache(
            "environments",
            named / ENVIRONMENTS,
            "virtual environments and wheels of toolchains and tools; made again from the store",
        ),
        Cache(
            "launcher",
            launcher_cache(environment),
            "Pants itself, torch's wheel, and interpreters that the machine lacked",
        ),
        Cache(
            "client",
            client_cache(environment),
            "programs that were fetched from published trees",
        ),
    ]


def client_cache(environment: Mapping[str, str]) -> Path:
    """Where `foundry fetch` keeps programs: as `pte_foundry.client.store.default_cache`, without its packages."""
    home = Path(environment.get("HOME") or "~").expanduser()
    if sys.platform == "darwin":
        caches = home / "Library" / "Caches"
    else:
        caches = Path(environment.get("XDG_CACHE_HOME") or home / ".cache")
    return caches / "pte-foundry" / "artifacts"


def size_on_disk(folder: Path) -> int:
    """Bytes that the folder takes. A file with several links counts once; vanished ones are ignored."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for found in _walk(folder):
        if (found.st_dev, found.st_ino) not in seen:
            seen.add((found.st_dev, found.st_ino))
            total += found.st_blocks * 512
    return total


def _walk(folder: Path) -> Iterator[os.stat_result]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                yield entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    yield from _walk(Path(entry.path))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return

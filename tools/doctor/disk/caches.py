"""The caches of builds, and their sizes on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from doctor.facts.pants_options import Options, text_option
from pte_foundry.client.store import default_cache
from workspace.user_caches import user_caches

ENVIRONMENTS = "pex_root"
"""PEX's folder in the named caches, with the virtual environments."""


@dataclass(frozen=True)
class Cache:
    """what: its content, and the cost of losing it."""

    name: str
    folder: Path
    what: str


def find_caches(options: Options, environment: Mapping[str, str]) -> list[Cache]:
    """All caches, existing or not. Raises ToolError if Pants names no folder for its own."""
    store = text_option(options, "", "local_store_dir")
    named = text_option(options, "", "named_caches_dir")
    launcher = user_caches(environment)["PTE_FOUNDRY_CACHE"]
    return [
        Cache(
            "Pants' store", Path(store or ""), "results of processes; without it all is built anew"
        ),
        Cache("named caches", Path(named or ""), "the environments below, and little else"),
        Cache(
            "environments",
            Path(named or "") / ENVIRONMENTS,
            "virtual environments and wheels of toolchains and tools; made again from the store",
        ),
        Cache("launcher", Path(launcher), "Pants itself, torch's wheel"),
        Cache("client", default_cache(), "programs that were fetched from published trees"),
    ]


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

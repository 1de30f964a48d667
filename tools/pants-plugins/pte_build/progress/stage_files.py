"""The files in which exports and validations say which stage they are in (`pte_foundry/stages.py` writes them).

They are in a named cache: its content is not part of a cache key, and its path in a sandbox is the same everywhere.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from pathlib import Path

# The named cache, and where a process finds it.
CACHE_NAME = "pte_progress"
CACHE = {CACHE_NAME: ".progress"}
ENVIRONMENT = {"PTE_PROGRESS": CACHE[CACHE_NAME]}

_SECONDS_OF_A_DAY = 24 * 60 * 60
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Stage:
    """`begun` is in seconds since the epoch; the last stage has an empty name, and begins at the end of the run."""

    begun: float
    name: str


class RequestKeys:
    """The requests that a process with a given description may have had.

    A process's description names its address. Its stage file is named after a hash of its request, which has no address
    because equal programs share their export. Only the rules that write requests know both.
    """

    def __init__(self) -> None:
        self._keys: dict[str, tuple[str, ...]] = {}
        self._lock = threading.Lock()

    def add(self, description: str, request: bytes) -> None:
        key = hashlib.sha256(request).hexdigest()
        with self._lock:
            self._keys[description] = tuple({**dict.fromkeys(self.of(description)), key: None})

    def of(self, description: str) -> tuple[str, ...]:
        return self._keys.get(description, ())


# Global: rules and the thread that logs share no object of the session.
REQUEST_KEYS = RequestKeys()


def stage_file(folder: Path, key: str, pants_pid: int) -> Path:
    """The file of a process that the Pants process `pants_pid` started."""
    return folder / f"{key}-{pants_pid}"


def read_stages(file: Path, since: float) -> list[Stage]:
    """The stages that began at `since` or later; none if there is no file.

    Lines of an earlier run are older, and a line that is still being written does not end yet.
    """
    try:
        text = file.read_text("utf-8")
    except (OSError, ValueError):
        return []
    stages = []
    for line in text.split("\n")[:-1]:
        begun, _, name = line.partition(" ")
        try:
            stage = Stage(float(begun), name[:_LONGEST_NAME])
        except ValueError:
            continue
        if stage.begun >= since and name.isprintable():
            stages.append(stage)
    return stages


def remove_old_files(folder: Path, now: float) -> None:
    """Remove what killed runs left behind. No export takes a day."""
    if not folder.is_dir():
        return
    for file in folder.iterdir():
        try:
            if now - file.stat().st_mtime > _SECONDS_OF_A_DAY:
                file.unlink()
        except OSError:  # Another session was faster.
            continue

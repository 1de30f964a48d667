"""One publisher at a time in a folder of releases."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pte_foundry.errors import PteError
from pte_foundry.publishing.os_failure import writing

LOCK = ".publish.lock"


@contextmanager
def directory_lock(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the system releases it when the process ends, in whatever way.

    Raises:
        PteError: `busy` if another process holds it; `cannot-write` if it cannot be made.
    """
    with writing(str(folder)):
        file = (folder / LOCK).open("ab")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PteError(
                "busy",
                f"{folder}: another process is publishing here. Wait for it, and try again",
            ) from error
        yield

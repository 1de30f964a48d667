"""The cache folder: its lock, its temporary folders, and how a finished thing gets its name."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from errors import PreparationError
from messages import note

LOCK_NAME = ".lock"
SCRATCH_PREFIX = ".tmp-"


@contextlib.contextmanager
def locked(cache: Path) -> Iterator[None]:
    """Creates the cache folder and holds its lock; waits while another process holds it.

    The kernel drops the lock with the process, however that ends. What an interrupted run has
    left under a temporary name is removed once the lock is held.

    Raises:
        PreparationError: the folder cannot be created, written or locked.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(cache / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise _unusable(cache, error) from error
    try:
        _acquire(descriptor, cache)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        for stale in sorted(cache.glob(f"{SCRATCH_PREFIX}*")):
            # A killed run's pip may still be writing there: what resists is left to a later run.
            shutil.rmtree(stale, ignore_errors=True)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def scratch_folder(cache: Path) -> Iterator[Path]:
    """A fresh folder inside the cache (so that a rename out of it is atomic), removed afterwards.

    Raises:
        PreparationError: the folder cannot be created.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=SCRATCH_PREFIX, dir=cache))
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise _unusable(cache, error) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(finished: Path, final: Path) -> None:
    """Moves a finished file or folder to its final name; what stood there is gone afterwards.

    Both must be on one filesystem. Nobody ever sees a half-written `final`.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    if final.is_dir() and not final.is_symlink():
        # A folder cannot be replaced in one step; the discarded one goes with the scratch folder.
        final.rename(finished.with_name(finished.name + ".replaced"))
    os.replace(finished, final)


def _acquire(descriptor: int, cache: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
        note(f"waiting for another ./pants (pid {holder}) to finish the preparation in {cache}")
    except OSError as error:
        raise _unusable(cache, error) from error
    fcntl.flock(descriptor, fcntl.LOCK_EX)


def _unusable(cache: Path, error: OSError) -> PreparationError:
    return PreparationError(
        f"cannot use the cache folder {cache}: {error.strerror or error}.\n"
        "Make it writable, or name another folder with PTE_FOUNDRY_CACHE."
    )

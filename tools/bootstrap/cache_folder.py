"""The cache folder: its lock, temporary folders, and how checked files get their final names."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from messages import PreparationError, note

LOCK_NAME = ".lock"
SCRATCH_PREFIX = ".tmp-"


@contextlib.contextmanager
def locked(cache: Path) -> Iterator[None]:
    """Creates the cache folder and holds its lock; waits while another process holds it.

    The kernel drops the lock with the process, however that ends. Leftovers of an interrupted run are
    removed once the lock is held.

    Raises:
        PreparationError: the folder cannot be created, written or locked.
    """
    with _usable(cache):
        cache.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(cache / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _acquire(descriptor, cache)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        for stale in sorted(cache.glob(f"{SCRATCH_PREFIX}*")):
            # A killed run's pip may still be writing there: a later run removes the rest.
            shutil.rmtree(stale, ignore_errors=True)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def scratch_folder(cache: Path) -> Iterator[Path]:
    """A temporary folder inside the cache, so that a rename out of it is atomic.

    Raises:
        PreparationError: the folder cannot be created.
    """
    with _usable(cache):
        folder = Path(tempfile.mkdtemp(prefix=SCRATCH_PREFIX, dir=cache))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(finished: Path, final: Path) -> None:
    """Moves a finished file or folder to its final name on the same file system, replacing what is there.

    `final` is never half-written.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    if final.is_dir() and not final.is_symlink():
        # A folder cannot be replaced in one step; the old one goes with the scratch folder.
        final.rename(finished.with_name(finished.name + ".replaced"))
    os.replace(finished, final)


def matches(path: Path, sha256: str, size: int) -> bool:
    """Whether `path` is a file of `size` bytes with that hash. A missing file does not match."""
    return path.is_file() and path.stat().st_size == size and _sha256_of(path) == sha256


def require_match(path: Path, sha256: str, size: int, advice: str) -> None:
    """Raises PreparationError, which ends with `advice`, unless `path` has that hash and size."""
    if not matches(path, sha256, size):
        raise PreparationError(
            f"wrong hash: {path.name} has sha256 {_sha256_of(path)} and {path.stat().st_size} bytes;"
            f" pinned are {sha256} and {size} bytes.\n{advice}"
        )


def _acquire(descriptor: int, cache: Path) -> None:
    with _usable(cache):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            note(f"waiting for another ./pants (pid {holder}) to finish the preparation in {cache}")
    fcntl.flock(descriptor, fcntl.LOCK_EX)


@contextlib.contextmanager
def _usable(cache: Path) -> Iterator[None]:
    """Raises an OSError of the `with` block as a PreparationError, unless the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise PreparationError(
            f"cannot use the cache folder {cache}: {error.strerror or error}.\n"
            "Make it writable, or name another folder with PTE_FOUNDRY_CACHE."
        ) from error


def _sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()

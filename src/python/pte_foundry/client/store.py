"""A content-addressed cache, `<cache>/sha256/ab/abcd…`, shared by all processes of a user."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from pte_foundry.client.content import Content, has_content
from pte_foundry.client.errors import CacheError
from pte_foundry.client.files import is_only_name, is_private, make_folder, remove
from pte_foundry.client.partial import Partial

# The modification time of every entry (2001-09-09, in nanoseconds). Writing to an entry changes it, so
# we notice without reading the file.
_SEAL = 1_000_000_000 * 10**9
_LOCK_SECONDS = 3600.0
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def default_cache() -> Path:
    """The folder `pte-foundry/artifacts` in the platform's folder for user caches."""
    return user_cache_path("pte-foundry") / "artifacts"


@dataclass(frozen=True)
class Store:
    """Attributes:
    folder: made when the first file is stored.
    always_hash: hash an entry each time it is requested. Otherwise its size is compared, and it is hashed only if it
        was written to since it was stored, or if other users can write to its folder: they could have planted it, or
        reset its times.
    """

    folder: Path
    always_hash: bool = False

    def path(self, content: Content) -> Path:
        """Where the file with this content belongs, present or not."""
        return self.folder / "sha256" / content.sha256[:2] / content.sha256

    def find(self, content: Content) -> Path | None:
        """The stored file; None if it is absent or damaged. Raises CacheError if the cache cannot be read."""
        path = self.path(content)
        try:
            found = path.lstat()
            if not stat.S_ISREG(found.st_mode) or found.st_size != content.size:
                return None
            if self.always_hash or found.st_mtime_ns != _SEAL or not self._is_private(path):
                if not has_content(path, content):
                    return None
                with suppress(OSError):  # A read-only cache is hashed again next time.
                    os.utime(path, ns=(_SEAL, _SEAL))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._error(error, content) from error
        return path

    def obtain(self, content: Content, fill: Callable[[Partial], None]) -> Path:
        """The stored file, made by `fill` if it is absent or damaged.

        One process at a time fills a content; the others wait and take what it stored. The next
        `fill` gets what a killed process left.

        Args:
            fill: completes its argument; its exceptions pass through.

        Raises:
            CacheError: the cache cannot be written, its disk is full, or another process has held
                the lock for an hour.
        """
        found = self.find(content)
        if found is not None:
            return found
        try:
            with self._locked(content):
                return self.find(content) or self._make(content, fill)
        except OSError as error:
            raise self._error(error, content) from error

    def _is_private(self, path: Path) -> bool:
        """Whether only we or the administrator can have put the entry there."""
        above = len(path.relative_to(self.folder).parts)
        folders = path.parents[:above]
        below = all(is_private(each.lstat()) for each in (path, *folders[:-1]))
        return is_only_name(path) and below and is_private(folders[-1].stat())

    def _make(self, content: Content, fill: Callable[[Partial], None]) -> Path:
        partial = Partial(self.folder / "partial" / content.sha256, content)
        final = self.path(content)
        for folder in (partial.path.parent, final.parent.parent, final.parent):
            make_folder(folder)
        partial.recover()
        if not partial.matches():
            self._check_room(content.size - min(content.size, partial.size))
            fill(partial)
        if final.is_dir() and not final.is_symlink():
            remove(final)
        partial.move_to(final, _SEAL)
        return final

    @contextmanager
    def _locked(self, content: Content) -> Iterator[None]:
        path = self.folder / "locks" / f"{content.sha256}.lock"
        make_folder(path.parent)
        # Some releases of `filelock` truncate the file, even through a link to another file.
        if not is_only_name(path):
            remove(path)
        lock = FileLock(path, timeout=_LOCK_SECONDS)
        try:
            lock.acquire()
        except Timeout:
            raise CacheError(
                f"{lock.lock_file}: another process has held the lock for {_LOCK_SECONDS:.0f} s. "
                "End that process, or use another cache folder"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def _check_room(self, needed: int) -> None:
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise OSError(errno.ENOSPC, f"{needed} bytes are needed, {free} are free")

    def _error(self, error: OSError, content: Content) -> CacheError:
        why = error.strerror or str(error)
        if error.errno in _NO_ROOM:
            return CacheError(
                f"the disk of the cache folder {self.folder} is full ({why}): a file of "
                f"{content.size} bytes does not fit. Free some space and try again (what has arrived "
                "is kept), or use a cache folder on another disk"
            )
        return CacheError(
            f"the cache folder {self.folder} cannot be used ({why}; {error.filename}). "
            "Make it writable, or use another cache folder"
        )

"""A folder of releases: `<folder>/<release>/` beside older ones, and the symlink `current`."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pte_foundry.errors import PteError
from pte_foundry.publishing.durable_files import (
    copy_file,
    link_or_copy,
    open_to_readers,
    sync_folder,
    write_bytes,
    writing,
)
from pte_foundry.publishing.merging import Release
from pte_foundry.publishing.release import is_release_name
from pte_foundry.publishing.repository import DirectoryRepository
from pte_foundry.publishing.target import Step
from pte_foundry.publishing.tree_content import TreeContent
from pte_foundry.publishing.tree_folder import read_folder

_CURRENT = "current"
_LOCK = ".publish.lock"
# No release has these names: they are leftovers of a killed process.
_PARTIAL = ".partial"
_NEW_CURRENT = ".current.partial"
_REMEDY = (
    "Releases never change: restore the folder from a backup, or move it away and publish again"
)


class DirectoryTarget:
    """See `Target`. Use it under the folder's lock."""

    def __init__(self, repository: DirectoryRepository) -> None:
        self._folder = repository.folder
        self._text = repository.text
        self._current = self._read_current()
        self.published: TreeContent | None = (
            None if self._current is None else self._read(self._current)
        )

    def fit(self, release: Release, tree: Path) -> Release:
        return release

    def has(self, release: Release) -> bool:
        folder = self._folder / release.name
        if not os.path.lexists(folder):
            return False
        if folder.is_symlink() or not folder.is_dir():
            raise PteError(
                "refused", f"{folder} is not a folder, but has the name of a release. Move it away"
            )
        found = self.published if release.name == self._current else self._read(release.name)
        assert found is not None
        if found.identity != release.identity:
            raise PteError(
                "refused",
                f"{folder} has other content: the SHA-256 of its programs, labels, indexes and licences is "
                f"{found.identity}; for the tree to publish it is {release.identity}. {_REMEDY}",
            )
        return True

    def write(self, release: Release, tree: Path, message: str, step: Step) -> None:
        folder, partial = self._folder / release.name, self._folder / _PARTIAL
        with writing(f"{self._text}: {release.name}"):
            self._clean_up(step)
            if not os.path.lexists(folder):
                try:
                    self._fill(partial, release, tree, step)
                    step("name the release")
                    os.rename(partial, folder)
                    sync_folder(self._folder)
                except BaseException:
                    shutil.rmtree(partial, ignore_errors=True)
                    raise
            step("link the new pointer")
            os.symlink(release.name, self._folder / _NEW_CURRENT)
            step("move the pointer")
            os.replace(self._folder / _NEW_CURRENT, self._folder / _CURRENT)
            sync_folder(self._folder)
            step("end")

    def refresh(self, release: Release, step: Step) -> None:
        with writing(self._text):
            self._clean_up(step)

    def _fill(self, partial: Path, release: Release, tree: Path, step: Step) -> None:
        partial.mkdir()
        for path in sorted(release.paths):
            step(f"write {path}")
            destination = partial / path
            destination.parent.mkdir(parents=True, exist_ok=True)
            if path in release.kept:
                assert self._current is not None
                source = self._folder / self._current / path
                link_or_copy(source, destination, release.sums.get(path))
            elif path in release.texts:
                write_bytes(destination, release.texts[path])
            else:
                copy_file(tree / path, destination, release.sums.get(path))
        for folder, _, _ in os.walk(partial, topdown=False):
            open_to_readers(Path(folder))
            sync_folder(Path(folder))

    def _clean_up(self, step: Step) -> None:
        step("clean up")
        partial = self._folder / _PARTIAL
        if os.path.lexists(partial):
            shutil.rmtree(partial)
        (self._folder / _NEW_CURRENT).unlink(missing_ok=True)

    def _read_current(self) -> str | None:
        pointer = self._folder / _CURRENT
        if not os.path.lexists(pointer):
            return None
        name = os.readlink(pointer) if pointer.is_symlink() else ""
        folder = self._folder / name
        if not is_release_name(name) or folder.is_symlink() or not folder.is_dir():
            raise PteError(
                "refused",
                f"{pointer} is not a symlink to a release beside it"
                f"{f', but to {name}' if name else ''}. Move it away, or point it to a release",
            )
        return name

    def _read(self, name: str) -> TreeContent:
        return read_folder(self._folder / name, f"{self._text}: {name}", _REMEDY)


@contextmanager
def open_directory(repository: DirectoryRepository) -> Iterator[DirectoryTarget]:
    """Open a folder of releases, under its lock.

    Raises:
        PteError: `busy` if another process publishes there; `refused` or `bad-tree` if `current` or a
            release was changed after it was published; `cannot-write` for an unusable folder.
    """
    folder = repository.folder
    with writing(repository.text):
        if not folder.is_dir():
            folder.mkdir()
            open_to_readers(folder)
    with writing(str(folder)):
        file = (folder / _LOCK).open("ab")
    with file:
        try:
            # The system releases the lock when the process ends, however it ends.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PteError(
                "busy",
                f"{folder}: another process is publishing here. Wait for it, and try again",
            ) from error
        yield DirectoryTarget(repository)

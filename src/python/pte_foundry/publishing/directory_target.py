"""A folder of releases: `<folder>/<release>/` beside older ones, and the symlink `current`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pte_foundry.errors import PteError
from pte_foundry.publishing.directory_lock import directory_lock
from pte_foundry.publishing.durable_files import (
    copy_file,
    link_or_copy,
    open_to_readers,
    sync_folder,
    write_bytes,
)
from pte_foundry.publishing.merging import Release
from pte_foundry.publishing.os_failure import writing
from pte_foundry.publishing.release import is_release_name
from pte_foundry.publishing.repository import DirectoryRepository
from pte_foundry.publishing.target import Step
from pte_foundry.publishing.tree_content import TreeContent
from pte_foundry.publishing.tree_folder import read_folder

CURRENT = "current"
# Names that no release has. What bears one was left behind by a process that was killed.
_PARTIAL = ".partial"
_NEW_CURRENT = ".current.partial"
_REMEDY = (
    "Releases never change: restore the folder from a backup, or move it away and publish again"
)


class DirectoryTarget:
    """See `Target`. To be used while the folder's lock is held."""

    def __init__(self, repository: DirectoryRepository) -> None:
        self._folder = repository.folder
        self._text = repository.text
        self._current = self._read_current()
        self.published: TreeContent | None = (
            None if self._current is None else self._read(self._current)
        )

    def has(self, release: Release) -> bool:
        folder = self._folder / release.name
        if not os.path.lexists(folder):
            return False
        if folder.is_symlink() or not folder.is_dir():
            raise PteError(
                "refused", f"{folder} is not a folder, but what a release is called. Move it away"
            )
        found = self.published if release.name == self._current else self._read(release.name)
        assert found is not None
        if found.identity != release.identity:
            raise PteError(
                "refused",
                f"{folder} has other content: the SHA-256 of its programs, labels, indexes and licences is "
                f"{found.identity}, that of the tree to publish is {release.identity}. {_REMEDY}",
            )
        return True

    def write(self, release: Release, tree: Path, message: str, step: Step) -> None:
        folder, partial = self._folder / release.name, self._folder / _PARTIAL
        with writing(f"{self._text}: {release.name}"):
            step("clean up")
            self._clean_up()
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
            os.replace(self._folder / _NEW_CURRENT, self._folder / CURRENT)
            sync_folder(self._folder)
            step("end")

    def refresh(self, release: Release, step: Step) -> None:
        with writing(self._text):
            step("clean up")
            self._clean_up()

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

    def _clean_up(self) -> None:
        partial = self._folder / _PARTIAL
        if os.path.lexists(partial):
            shutil.rmtree(partial)
        (self._folder / _NEW_CURRENT).unlink(missing_ok=True)

    def _read_current(self) -> str | None:
        pointer = self._folder / CURRENT
        if not os.path.lexists(pointer):
            return None
        name = os.readlink(pointer) if pointer.is_symlink() else ""
        folder = self._folder / name
        if not is_release_name(name) or folder.is_symlink() or not folder.is_dir():
            raise PteError(
                "refused",
                f"{pointer} is no symlink to a release beside it"
                f"{f' but to {name}' if name else ''}. Move it away, or let it lead to a release",
            )
        return name

    def _read(self, name: str) -> TreeContent:
        return read_folder(self._folder / name, f"{self._text}: {name}", _REMEDY)


@contextmanager
def open_directory(repository: DirectoryRepository) -> Iterator[DirectoryTarget]:
    """Look at a folder of releases and keep others from publishing there meanwhile.

    Raises:
        PteError: `busy`; `refused` or `bad-tree` for a `current` or a release that is no more what was
            published; `cannot-write` for a folder that cannot be used.
    """
    with writing(repository.text):
        if not repository.folder.is_dir():
            repository.folder.mkdir()
            open_to_readers(repository.folder)
    with directory_lock(repository.folder):
        yield DirectoryTarget(repository)

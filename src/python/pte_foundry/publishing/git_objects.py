"""Read blobs out of a git repository, block by block, by one `git cat-file` for all."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from pte_foundry.errors import PteError
from pte_foundry.publishing.git_command import Git
from pte_foundry.publishing.git_lfs import MOST_BYTES, pointed_at
from pte_foundry.publishing.tree_folder import BLOCK


@dataclass(frozen=True)
class Blob:
    """The SHA-256 of a file's content. `large`: git has a pointer of Git LFS in its place."""

    sha256: str
    large: bool


class BlobReader:
    """To be had from `open_blobs`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._to: BinaryIO = process.stdin  # type: ignore[assignment]
        self._from: BinaryIO = process.stdout  # type: ignore[assignment]

    def read(self, oid: str) -> bytes:
        """A whole blob. Raises PteError `git` if there is none of this id."""
        return b"".join(self._blocks(oid))

    def read_sha256(self, oid: str) -> str:
        """The SHA-256 of a blob itself, be it a pointer or not."""
        digest = hashlib.sha256()
        for block in self._blocks(oid):
            digest.update(block)
        return digest.hexdigest()

    def examine(self, oid: str) -> Blob:
        """Hash a blob; of a pointer of Git LFS, say which file it stands for."""
        digest, head, size = hashlib.sha256(), b"", 0
        for block in self._blocks(oid):
            digest.update(block)
            head, size = head or block, size + len(block)
        target = pointed_at(head) if size <= MOST_BYTES else None
        return Blob(target or digest.hexdigest(), target is not None)

    def _blocks(self, oid: str) -> Iterator[bytes]:
        try:
            self._to.write(f"{oid}\n".encode())
            self._to.flush()
        except BrokenPipeError as error:
            raise PteError("git", "`git cat-file` has ended. Try again") from error
        header = self._from.readline().split()
        if len(header) != 3 or header[1] != b"blob":
            raise PteError("git", f"the repository has no blob {oid}. Check it with `git fsck`")
        left = int(header[2])
        while left:
            block = self._from.read(min(BLOCK, left))
            if not block:
                raise PteError("git", f"`git cat-file` ended in the middle of {oid}")
            left -= len(block)
            yield block
        self._from.read(1)


@contextmanager
def open_blobs(git: Git) -> Iterator[BlobReader]:
    """A reader of any number of blobs."""
    with git.start("cat-file", "--batch") as process:
        try:
            yield BlobReader(process)
        finally:
            process.kill()

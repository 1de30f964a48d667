"""Read and write git objects without a working tree: no file is checked out, no filter is run."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from pte_foundry.errors import PteError
from pte_foundry.publishing.git_command import Git
from pte_foundry.publishing.git_lfs import MOST_BYTES, is_large, pointed_at, pointer
from pte_foundry.publishing.merging import Release
from pte_foundry.publishing.tree_folder import BLOCK


@dataclass(frozen=True)
class Blob:
    """The SHA-256 of a file's content. `large`: git has a Git LFS pointer instead of it."""

    sha256: str
    large: bool


class BlobReader:
    """Reads blobs in blocks from one `git cat-file`; see `open_blobs`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._to: BinaryIO = process.stdin  # type: ignore[assignment]
        self._from: BinaryIO = process.stdout  # type: ignore[assignment]

    def read(self, oid: str) -> bytes:
        """A whole blob. Raises PteError `git` if it does not exist."""
        return b"".join(self._blocks(oid))

    def read_sha256(self, oid: str) -> str:
        """The SHA-256 of a blob itself, even if it is a pointer."""
        digest = hashlib.sha256()
        for block in self._blocks(oid):
            digest.update(block)
        return digest.hexdigest()

    def examine(self, oid: str) -> Blob:
        """Hash a blob, or name the file that a Git LFS pointer stands for."""
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


def write_objects(
    git: Git, release: Release, tree: Path, published: Mapping[str, str], lfs: bool
) -> dict[str, str]:
    """Put the release's files into the repository: path in the tree -> object id.

    Args:
        tree: the folder of the release's `copied` files.
        published: the object ids of the release's `kept` files.
        lfs: whether large files are replaced by Git LFS pointers.

    Raises:
        PteError: `bad-tree` if a file of the tree has changed since it was checked.
    """
    oids: dict[str, str] = {}
    files: list[str] = []
    for path in sorted(release.paths):
        if path in release.kept:
            oids[path] = published[path]
        elif path in release.texts:
            oids[path] = write_blob(git, release.texts[path])
        elif lfs and is_large(path):
            oids[path] = write_blob(git, pointer(release.sums[path], (tree / path).stat().st_size))
        else:
            files.append(path)
    root = os.path.abspath(tree)
    paths = "".join(f"{root}/{path}\n" for path in files).encode()
    hashed = git.run("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=paths)
    oids.update(zip(files, hashed.split(), strict=True))
    # Compare what git has read: a symlink to a secret may have replaced a file in the meantime.
    with open_blobs(git) as blobs:
        for path in files:
            if path in release.sums and blobs.read_sha256(oids[path]) != release.sums[path]:
                raise PteError(
                    "bad-tree",
                    f"{tree / path} has changed since it was checked. Nothing may write to the tree "
                    "while it is being published: try again",
                )
    return oids


def write_tree(
    git: Git, tip: str | None, folder: str, remove: frozenset[str], add: dict[str, str], index: Path
) -> str:
    """The id of the tip's tree with files of `folder` removed and added. `index`: a temporary file."""
    staged = Git(git.folder, {**git.extra, "GIT_INDEX_FILE": str(index)})
    staged.run("read-tree", *([tip] if tip else ["--empty"]))
    zero = "0" * len(tip or "")
    lines = [f"0 {zero}\t{PurePosixPath(folder, path)}\0" for path in sorted(remove)]
    lines += [f"100644 {add[path]}\t{PurePosixPath(folder, path)}\0" for path in sorted(add)]
    staged.run("update-index", "-z", "--index-info", stdin="".join(lines).encode())
    written = staged.run("write-tree").strip()
    index.unlink()
    return written


def write_commit(git: Git, tree: str, tip: str | None, message: str) -> str:
    """The id of a new commit on the tip, by the user in git's configuration, signed if that says so."""
    signs = git.run("config", "--type=bool", "--default=false", "commit.gpgSign").strip() == "true"
    sign = ["-S"] if signs else []
    parents = ["-p", tip] if tip else []
    return git.run("commit-tree", *sign, *parents, "-F", "-", tree, stdin=message.encode()).strip()


def write_blob(git: Git, content: bytes) -> str:
    return git.run("hash-object", "-w", "--no-filters", "--stdin", stdin=content).strip()

"""Make a commit of a release without a working tree: no file is checked out, no filter is run."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from pte_foundry.errors import PteError
from pte_foundry.publishing.git_command import Git
from pte_foundry.publishing.git_lfs import is_large, pointer
from pte_foundry.publishing.git_objects import open_blobs
from pte_foundry.publishing.git_tree import GitTree
from pte_foundry.publishing.merging import Release


def write_objects(
    git: Git, release: Release, tree: Path, before: GitTree, lfs: bool
) -> dict[str, str]:
    """Put the release's files into the repository: path in the tree -> object id.

    Args:
        tree: the folder that the release's `copied` files come from.
        before: the published tree, whose objects are used again.
        lfs: whether large files are replaced by pointers of Git LFS.

    Raises:
        PteError: `bad-tree` if a file of the tree has changed since it was checked.
    """
    oids: dict[str, str] = {}
    files: list[str] = []
    for path in sorted(release.paths):
        if path in release.kept:
            oids[path] = before.oids[path]
        elif path in release.texts:
            oids[path] = _blob(git, release.texts[path])
        elif lfs and is_large(path):
            oids[path] = _blob(git, pointer(release.sums[path], (tree / path).stat().st_size))
        else:
            files.append(path)
    root = os.path.abspath(tree)
    paths = "".join(f"{root}/{path}\n" for path in files).encode()
    hashed = git.run("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=paths)
    oids.update(zip(files, hashed.split(), strict=True))
    # What git has read is compared, not what lay there before: a file may have been replaced by a
    # symlink to a secret since then.
    with open_blobs(git) as blobs:
        for path in files:
            if path in release.sums and blobs.read_sha256(oids[path]) != release.sums[path]:
                raise PteError(
                    "bad-tree",
                    f"{tree / path} has changed since it was checked. Nothing may write to the tree "
                    "while it is published: try again",
                )
    return oids


def write_text(git: Git, text: str) -> str:
    """Put a text into the repository; its object id."""
    return _blob(git, text.encode())


def write_tree(
    git: Git, tip: str | None, folder: str, remove: frozenset[str], add: dict[str, str], index: Path
) -> str:
    """The id of the tip's tree with files of `folder` removed and added.

    Args:
        index: a file to make, removed afterwards.
    """
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
    """The id of a commit on the tip, by whom git's configuration says, signed if it says so."""
    sign = (
        ["-S"]
        if git.run("config", "--type=bool", "--default=false", "commit.gpgSign").strip() == "true"
        else []
    )
    parents = ["-p", tip] if tip else []
    return git.run("commit-tree", *sign, *parents, "-F", "-", tree, stdin=message.encode()).strip()


def _blob(git: Git, content: bytes) -> str:
    return git.run("hash-object", "-w", "--no-filters", "--stdin", stdin=content).strip()

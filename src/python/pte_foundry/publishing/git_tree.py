"""The tree that a commit holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pte_foundry.errors import PteError
from pte_foundry.publishing.git_command import Git
from pte_foundry.publishing.git_lfs import ATTRIBUTES
from pte_foundry.publishing.git_objects import open_blobs
from pte_foundry.publishing.tree_content import FILE, TreeContent, check_content

_KINDS = {"100644": FILE, "100755": FILE, "120000": "symlink", "160000": "submodule"}
_REMEDY = (
    "Something other than `publish` changed it: restore it (`git revert`), or publish to another "
    "branch or `&folder=`"
)


@dataclass(frozen=True)
class GitTree:
    """Attributes:
    oids: path in the tree -> id of the blob.
    large: paths of the files in Git LFS.
    attributes: the content of the folder's `.gitattributes`, if any.
    content: None if the commit has no tree in this folder.
    """

    oids: Mapping[str, str]
    large: frozenset[str]
    attributes: str | None
    content: TreeContent | None


EMPTY = GitTree({}, frozenset(), None, None)


def read_commit(git: Git, commit: str, folder: str, where: str) -> GitTree:
    """Read and check the tree that a commit holds below `folder` ("" is the commit's root).

    Files of git and its hosts (`.gitattributes`, `.github/…`) are not part of the tree.

    Raises:
        PteError: `bad-tree` for any other file that no release put there, see `check_content`.
    """
    kinds: dict[str, str] = {}
    oids: dict[str, str] = {}
    attributes = None
    listed = git.run("ls-tree", "-r", "-z", "--full-tree", commit)
    for line in listed.split("\0")[:-1]:
        about, _, path = line.partition("\t")
        mode, _, oid = about.split()
        if mode in ("120000", "160000") and _is_or_leads_to(path, folder):
            raise PteError("bad-tree", f"{where}: {path} is a {_KINDS[mode]}. {_REMEDY}")
        if folder and not path.startswith(f"{folder}/"):
            continue
        inner = path[len(folder) + 1 :] if folder else path
        if inner == ATTRIBUTES:
            attributes = git.run("cat-file", "blob", oid)
        if not inner.startswith(".git"):
            kinds[inner], oids[inner] = _KINDS.get(mode, f"file of mode {mode}"), oid
    if not kinds:
        return GitTree({}, frozenset(), attributes, None)
    large: set[str] = set()
    with open_blobs(git) as blobs:

        def sha256_of(path: str) -> str:
            blob = blobs.examine(oids[path])
            if blob.large:
                large.add(path)
            return blob.sha256

        def read(path: str) -> bytes:
            return blobs.read(oids[path])

        content = check_content(where, kinds, read, sha256_of, _REMEDY)

    def read_later(path: str) -> bytes:
        with open_blobs(git) as again:
            return again.read(oids[path])

    content = replace(content, read=read_later)
    return GitTree(oids, frozenset(large), attributes, content)


def _is_or_leads_to(path: str, folder: str) -> bool:
    return bool(folder) and f"{folder}/".startswith(f"{path}/")

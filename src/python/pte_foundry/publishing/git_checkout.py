"""A working tree, such as a submodule, that is published to through its `origin`.

Its configuration may name programs (hooks, filters, `core.sshCommand`, a credential helper) and may come from a
stranger. So it is only read as text, and all work is done in a clone of our own, which borrows the objects and is
subject to the user's configuration alone.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from pte_foundry.errors import PteError
from pte_foundry.publishing.git_command import Git
from pte_foundry.publishing.repository import GitRepository

# For `update-ref`, which would run the hook `reference-transaction`. The other commands in a checkout (`rev-parse`,
# `symbolic-ref`, `config`) run nothing, and fetch no object that a partial clone lacks.
_NO_HOOKS = ("-c", f"core.hooksPath={os.devnull}")
_NO_FETCH = {"GIT_NO_LAZY_FETCH": "1"}


@dataclass(frozen=True)
class Checkout:
    """Attributes:
    text: the entry of the target's `repositories`.
    folder: the working tree.
    clone: our own, see the module's docstring.
    branch: None for a detached HEAD.
    head: the checked-out commit.
    """

    text: str
    folder: Path
    clone: Git
    branch: str | None
    head: str

    def check(self, tip: str | None) -> None:
        """Raise PteError `refused` unless the remote branch's tip is HEAD or ahead of it."""
        if tip is None or not self.clone.succeeds("merge-base", "--is-ancestor", self.head, tip):
            raise PteError(
                "refused",
                f"{self.text}: {self.folder} has diverged from its remote: HEAD is not an ancestor "
                f"of the remote branch ({tip or 'which has no commit'}). Push its commits or go back "
                "(`git log`), then publish again",
            )

    def forward_to(self, commit: str, branch: str, tag: str) -> None:
        """Check out a descendant of HEAD, and update the branch, the remote's branch and, if present, the tag.

        Raises:
            PteError: `git`.
        """
        tagged = f"refs/tags/{tag}"
        refs = [(f"refs/remotes/origin/{branch}", commit)]
        if self.clone.succeeds("rev-parse", "--quiet", "--verify", tagged):
            refs.append((tagged, self.clone.run("rev-parse", "--verify", tagged).strip()))
        self._give_objects([oid for _, oid in refs])
        if commit != self.head:
            files = _in_working_tree(self.clone, self.folder)
            # Otherwise a file with a new modification time would count as changed.
            files.run("update-index", "-q", "--refresh", "--ignore-submodules")
            files.run("read-tree", "-m", "-u", "--no-recurse-submodules", self.head, commit)
        name = "HEAD" if self.branch is None else f"refs/heads/{self.branch}"
        lines = [f"option no-deref\nupdate {name} {commit} {self.head}\n"]
        lines += [f"option no-deref\nupdate {ref} {oid}\n" for ref, oid in refs]
        _reading(self.folder).run(
            *_NO_HOOKS,
            "update-ref",
            "-m",
            f"publish: {tag}",
            "--stdin",
            stdin="".join(lines).encode(),
        )

    def _give_objects(self, wanted: list[str]) -> None:
        objects = _path_of(self.folder, "objects")
        own = self.clone.run("rev-parse", "--path-format=absolute", "--git-path", "objects")
        giving = Git(
            self.clone.folder,
            {
                **self.clone.extra,
                "GIT_OBJECT_DIRECTORY": str(objects),
                "GIT_ALTERNATE_OBJECT_DIRECTORIES": own.removesuffix("\n"),
            },
        )
        revisions = "".join(f"{oid}\n" for oid in [*wanted, f"^{self.head}"])
        pack = ("pack-objects", "--quiet", "--revs", str(objects / "pack/pack"))
        giving.run(*pack, stdin=revisions.encode())


def open_checkout(repository: GitRepository, folder: Path, place: Path) -> Checkout:
    """Inspect a checkout, and make its clone at `place`.

    Raises:
        PteError: `refused` if it has uncommitted files, is on another branch, or has no remote
            `origin` with one address.
    """
    reading = _reading(folder)
    settings = _settings(reading)
    addresses = settings.get("remote.origin.url", [])
    if len(addresses) != 1:
        found = "more than one address for its remote" if addresses else "no remote"
        raise PteError(
            "refused",
            f"{repository.text}: {folder} has {found} `origin` to push to. Give it one, or name a bare "
            "repository",
        )
    branch = None
    if reading.succeeds("symbolic-ref", "--quiet", "HEAD"):
        branch = reading.run("symbolic-ref", "--short", "HEAD").strip()
        if branch != repository.branch:
            raise PteError(
                "refused",
                f"{repository.text}: {folder} is on the branch {branch}. Check out "
                f"{repository.branch}, or correct the target",
            )
    if not reading.succeeds("rev-parse", "--quiet", "--verify", "HEAD"):
        raise PteError(
            "refused",
            f"{repository.text}: {folder} has no commit. Pull, or publish to its remote instead",
        )
    head = reading.run("rev-parse", "--verify", "HEAD").strip()
    clone = _clone(reading, settings, head, place)
    clone.run("remote", "add", "origin", "--", _address(addresses[0], folder))
    for address in settings.get("remote.origin.pushurl", []):
        clone.run("remote", "set-url", "--add", "--push", "origin", _address(address, folder))
    status = ("status", "--porcelain", "--untracked-files=all", "--ignore-submodules=all")
    dirty = _in_working_tree(clone, folder).run(*status).splitlines()
    if dirty:
        raise PteError(
            "refused",
            f"{repository.text}: {folder} has uncommitted files: {', '.join(dirty[:10])}. Commit and "
            "push, or remove them",
        )
    return Checkout(repository.text, folder, clone, branch, head)


def _clone(reading: Git, settings: dict[str, list[str]], head: str, place: Path) -> Git:
    """A repository with the objects, HEAD and user of the checkout."""
    kind = reading.run("rev-parse", "--show-object-format").strip()
    Git(place.parent).run("init", "--quiet", "--template=", f"--object-format={kind}", str(place))
    clone, inside = Git(place), place / ".git"
    # Quoted: a path may begin with a quotation mark.
    borrowed = json.dumps(str(_path_of(reading.folder, "objects")), ensure_ascii=False)
    (inside / "objects/info/alternates").write_text(f"{borrowed}\n")
    for name in ("shallow", "info/exclude"):
        found = _path_of(reading.folder, name)
        if found.is_file() and not found.is_symlink():
            (inside / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(found, inside / name)
    for name in ("user.name", "user.email"):
        for value in settings.get(name, [])[-1:]:
            clone.run("config", "--add", "--", name, value)
    clone.run("update-ref", "--no-deref", "HEAD", head)
    return clone


def _reading(folder: Path) -> Git:
    return Git(folder, _NO_FETCH)


def _in_working_tree(clone: Git, folder: Path) -> Git:
    """Git for the files and the index of a checkout, with the configuration of the clone."""
    places = {
        "GIT_DIR": str(clone.folder / ".git"),
        "GIT_WORK_TREE": str(folder),
        "GIT_INDEX_FILE": str(_path_of(folder, "index")),
        "GIT_OPTIONAL_LOCKS": "0",
    }
    return Git(folder, {**clone.extra, **places})


def _path_of(folder: Path, name: str) -> Path:
    found = _reading(folder).run("rev-parse", "--path-format=absolute", "--git-path", name)
    return Path(found.removesuffix("\n"))


def _settings(git: Git) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry in git.run("config", "--null", "--list").split("\0"):
        name, _, value = entry.partition("\n")
        found.setdefault(name, []).append(value)
    return found


def _address(text: str, folder: Path) -> str:
    """An address as git reads it in the checkout: without a scheme or a host, a path relative to it."""
    return text if ":" in text.partition("/")[0] else str(folder / text)

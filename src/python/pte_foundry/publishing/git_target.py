"""A branch of a git repository: a commit and a tag for each release, pushed together."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pte_foundry.errors import PteError
from pte_foundry.publishing import git_lfs
from pte_foundry.publishing.durable_files import writing
from pte_foundry.publishing.git_checkout import Checkout, open_checkout
from pte_foundry.publishing.git_command import Git
from pte_foundry.publishing.git_objects import write_blob, write_commit, write_objects, write_tree
from pte_foundry.publishing.git_tree import EMPTY, GitTree, read_commit
from pte_foundry.publishing.merging import Release
from pte_foundry.publishing.repository import GitRepository
from pte_foundry.publishing.target import Step, check_tag
from pte_foundry.publishing.tree_content import TreeContent


class GitTarget:
    """See `Target`."""

    def __init__(
        self,
        repository: GitRepository,
        git: Git,
        checkout: Checkout | None,
        lfs: bool,
        scratch: Path,
    ) -> None:
        self._git, self._repository, self._checkout = git, repository, checkout
        self._lfs, self._scratch = lfs, scratch
        if lfs:
            git_lfs.check_installed(git)
        for who in ("GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"):
            git.run("var", who)  # Fails, with git's own advice, if the committer is unknown.
        refs = _remote_refs(git)
        self._tags = {
            name.removeprefix("refs/tags/"): oid
            for name, oid in refs.items()
            if name.startswith("refs/tags/")
        }
        self._tip = self._fetch_tip(refs)
        if checkout is not None:
            checkout.check(self._tip)
        self._before: GitTree = EMPTY
        self._tagged: GitTree | None = None
        if self._tip is not None:
            self._before = read_commit(git, self._tip, repository.folder, repository.text)
        self._check_lfs()

    @property
    def published(self) -> TreeContent | None:
        return self._before.content

    def fit(self, release: Release, tree: Path) -> Release:
        return release

    def has(self, release: Release) -> bool:
        if release.name not in self._tags:
            return False
        self._git.run("fetch", *self._fetch_options, "origin", f"refs/tags/{release.name}")
        commit = self._git.run("rev-parse", "--verify", "FETCH_HEAD^{commit}").strip()
        where = f"{self._repository.text}: the tag {release.name}"
        self._tagged = read_commit(self._git, commit, self._repository.folder, where)
        check_tag(self._repository.text, release, self._tagged.content)
        return True

    def write(self, release: Release, tree: Path, message: str, step: Step) -> None:
        git, folder = self._git, self._repository.folder
        with writing(f"{self._repository.text}: {release.name}"):
            step("write objects")
            if self._tagged is not None:
                # The old release returns, with its pages.
                add = dict(self._tagged.oids)
            else:
                add = write_objects(git, release, tree, self._before.oids, self._lfs)
            if self._before.attributes is None:
                line = f"{git_lfs.LFS_LINE}\n" if self._lfs else ""
                attributes = git_lfs.PLAIN_ATTRIBUTES + line
                add[git_lfs.ATTRIBUTES] = write_blob(git, attributes.encode())
            remove = frozenset(self._before.oids.keys() - add.keys())
            step("write the tree")
            index = self._scratch / "index"
            written = write_tree(git, self._tip, folder, remove, add, index)
            step("commit")
            commit = write_commit(git, written, self._tip, message)
            if self._lfs and self._tagged is None:
                step("upload large files")
                git_lfs.upload(git, self._large_files(release, tree))
        self._push(commit, release, message, step)
        self._tip = commit
        self.refresh(release, step)

    def refresh(self, release: Release, step: Step) -> None:
        assert self._tip is not None
        if release.name not in self._tags:
            self._push(self._tip, release, release.name, step)
        if self._checkout is not None:
            step("update the checkout")
            self._checkout.forward_to(self._tip, self._repository.branch, release.name)
        step("end")

    @property
    def _fetch_options(self) -> list[str]:
        # A checkout needs the commits between its own and the new one.
        depth = [] if self._checkout else ["--depth=1"]
        return [*depth, "--no-tags", "--no-recurse-submodules"]

    def _fetch_tip(self, refs: Mapping[str, str]) -> str | None:
        branch = f"refs/heads/{self._repository.branch}"
        if branch not in refs:
            if any(name.startswith("refs/heads/") for name in refs):
                raise PteError(
                    "refused",
                    f"{self._repository.text}: there is no branch {self._repository.branch}. Correct "
                    "its name, or make it: `git push REPOSITORY COMMIT:refs/heads/"
                    f"{self._repository.branch}`",
                )
            return None
        self._git.run("fetch", *self._fetch_options, "origin", branch)
        return self._git.run("rev-parse", "--verify", "FETCH_HEAD^{commit}").strip()

    def _check_lfs(self) -> None:
        before = self._before
        if before.large and not self._lfs:
            raise PteError(
                "refused",
                f"{self._repository.text}: its .pte files are in Git LFS. Pass --tree-git-lfs",
            )
        if not self._lfs or before is EMPTY:
            return
        plain = sorted(filter(git_lfs.is_large, before.oids.keys() - before.large))
        if plain:
            raise PteError(
                "refused",
                f"{self._repository.text}: it has .pte files that are not in Git LFS, such as "
                f"{plain[0]}. Publish without --tree-git-lfs, or to a separate repository",
            )
        if before.attributes and git_lfs.LFS_LINE not in before.attributes.splitlines():
            raise PteError(
                "refused",
                f"{self._repository.text}: its {git_lfs.ATTRIBUTES} does not have the line "
                f"`{git_lfs.LFS_LINE}`. Add it, or publish without --tree-git-lfs",
            )

    def _large_files(self, release: Release, tree: Path) -> dict[str, Path]:
        return {
            release.sums[path]: tree / path for path in release.copied if git_lfs.is_large(path)
        }

    def _push(self, commit: str, release: Release, message: str, step: Step) -> None:
        refspecs = [f"{commit}:refs/heads/{self._repository.branch}"]
        if release.name not in self._tags:
            step("tag")
            # A run that was killed before its push may have left the tag.
            tag = ("tag", "--force", "--annotate", "-F", "-", release.name, commit)
            self._git.run(*tag, stdin=message.encode())
            refspecs.append(f"refs/tags/{release.name}")
        step("push")
        try:
            self._git.run("push", "--atomic", "--no-follow-tags", "origin", *refspecs)
        except PteError as error:
            if release.name not in self._tags:
                self._git.run("tag", "--delete", release.name)
            raise PteError(
                "rejected",
                f"{self._repository.text} rejected {release.name}, and is unchanged. "
                f"{error.message}\nIf someone else has published meanwhile (`fetch first`), publish "
                "again; otherwise fix what the remote reports",
            ) from error
        self._tags[release.name] = commit


def open_git(repository: GitRepository, lfs: bool, scratch: Path) -> GitTarget:
    """Open a branch through a new clone in `scratch`, which borrows a checkout's objects, if there is one.

    Raises:
        PteError: `refused` for a missing branch, a dirty or diverged checkout, or Git LFS that is in
            use but not requested; `bad-tree` for a branch that was changed after it was published; `git`.
    """
    scratch.mkdir(parents=True)
    # Absolute, since git runs in other folders.
    scratch = Path(os.path.abspath(scratch))
    clone = scratch / "clone"
    if repository.checkout is not None:
        checkout = open_checkout(repository, repository.checkout, clone)
        return GitTarget(repository, checkout.clone, checkout, lfs, scratch)
    # Not bare: `safe.bareRepository` may forbid that.
    Git(scratch).run("init", "--quiet", "--template=", str(clone))
    git = Git(clone)
    git.run("remote", "add", "origin", "--", repository.url)
    return GitTarget(repository, git, None, lfs, scratch)


def _remote_refs(git: Git) -> dict[str, str]:
    listed = git.run("ls-remote", "--heads", "--tags", "--refs", "origin")
    lines = (line.split("\t") for line in listed.splitlines())
    return {name: oid for oid, name in lines}

"""A working tree, such as a submodule's, that stands for the repository that is its `origin`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pte_foundry.errors import PteError
from pte_foundry.publishing.git_command import Git
from pte_foundry.publishing.repository import GitRepository


@dataclass(frozen=True)
class Checkout:
    """`text` is what the target says about it; `branch` is None for a detached HEAD."""

    git: Git
    text: str
    branch: str | None

    def check(self, tip: str | None) -> None:
        """Raise PteError `refused` if the remote branch's tip is not ahead of HEAD, or equal to it."""
        if tip is None or not self.git.succeeds("merge-base", "--is-ancestor", "HEAD", tip):
            raise PteError(
                "refused",
                f"{self.text}: {self.git.folder} has diverged from its remote: HEAD is not an ancestor "
                f"of the remote branch ({tip or 'which has no commit'}). Push what is in it or go back "
                "(`git log`), then publish again",
            )

    def forward_to(self, commit: str) -> None:
        """Check out a commit that HEAD is an ancestor of. Raises PteError `git`."""
        if self.branch is None:
            self.git.run("checkout", "--quiet", "--detach", commit)
        else:
            self.git.run("merge", "--quiet", "--ff-only", commit)


def open_checkout(repository: GitRepository, folder: Path) -> Checkout:
    """Look at a checkout.

    Raises:
        PteError: `refused` if it has uncommitted files, is on another branch, or has no remote
            `origin`.
    """
    git = Git(folder)
    if not git.succeeds("remote", "get-url", "origin"):
        raise PteError(
            "refused",
            f"{repository.text}: {folder} has no remote `origin` to push to. Add one, or name a bare "
            "repository",
        )
    dirty = git.run("status", "--porcelain", "--untracked-files=all").splitlines()
    if dirty:
        raise PteError(
            "refused",
            f"{repository.text}: {folder} has uncommitted files: {', '.join(dirty[:10])}. Commit and "
            "push, or remove them",
        )
    branch = None
    if git.succeeds("symbolic-ref", "--quiet", "HEAD"):
        branch = git.run("symbolic-ref", "--short", "HEAD").strip()
        if branch != repository.branch:
            raise PteError(
                "refused",
                f"{repository.text}: {folder} is on the branch {branch}. Check out "
                f"{repository.branch}, or correct the target",
            )
    return Checkout(git, repository.text, branch)

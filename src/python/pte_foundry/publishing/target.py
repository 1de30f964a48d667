"""A place to publish to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from pte_foundry.errors import PteError
from pte_foundry.publishing.merging import Release
from pte_foundry.publishing.tree_content import TreeContent

Step = Callable[[str], None]
"""Called with the name of each step before it changes anything; tests kill the process there."""


class Target(Protocol):
    """A repository that was inspected, but not changed yet."""

    @property
    def published(self) -> TreeContent | None:
        """The tree of the branch or the `current` pointer; None if nothing is published."""

    def fit(self, release: Release, tree: Path) -> Release:
        """The release as this place holds it: a place may need its own form of a page.

        Args:
            tree: the folder of the release's `copied` files.

        Raises:
            PteError: `refused` if it cannot hold the release.
        """

    def has(self, release: Release) -> bool:
        """Whether the release is there. Raises PteError `refused` if something else has its name."""

    def write(self, release: Release, tree: Path, message: str, step: Step) -> None:
        """Publish a release that is not the current one.

        Args:
            tree: the folder of the release's `copied` files.
            message: a description, e.g. for a commit.

        Raises:
            PteError: on failure, with the current release untouched.
        """

    def refresh(self, release: Release, step: Step) -> None:
        """Complete the work of a killed run, for a release that is already published."""


def check_tag(repository: str, release: Release, content: TreeContent | None) -> None:
    """Hold the tag that has the release's name to the release.

    Args:
        content: the tag's; None if it holds no tree.

    Raises:
        PteError: `refused` if it holds anything else.
    """
    if content is not None and content.identity == release.identity:
        return
    found = "without a tree"
    if content is not None:
        found = (
            "with other content: the SHA-256 of its programs, labels, indexes and licences is "
            f"{content.identity}; for the tree to publish it is {release.identity}"
        )
    raise PteError(
        "refused",
        f"{repository}: the tag {release.name} exists {found}. Releases never change: find out who made the "
        "tag, and remove it if it is not ours",
    )

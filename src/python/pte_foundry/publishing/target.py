"""What a place to publish to has to offer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from pte_foundry.publishing.merging import Release
from pte_foundry.publishing.tree_content import TreeContent

Step = Callable[[str], None]
"""Called with its name before each step that changes something; tests end the process there."""


class Target(Protocol):
    """A repository that has been looked at and has not been changed yet."""

    @property
    def published(self) -> TreeContent | None:
        """What the branch or the `current` pointer leads to; None if nothing is published."""

    def has(self, release: Release) -> bool:
        """Whether the release is there under its name.

        Raises:
            PteError: `refused` if there is something else under its name.
        """

    def write(self, release: Release, tree: Path, message: str, step: Step) -> None:
        """Publish a release that is not what is published now.

        Args:
            tree: the folder that the release's `copied` files come from.
            message: what to say about it, in a commit for example.

        Raises:
            PteError: why it could not; what was published before is untouched then.
        """

    def refresh(self, release: Release, step: Step) -> None:
        """Complete what an earlier run was killed before, for a release that is published already."""

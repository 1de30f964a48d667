"""The plugin's request: what to publish, and where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pte_foundry.publishing.repository import Repository, parse_repository
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.publish_request import Permissions, RequestedRelease


@dataclass(frozen=True)
class PublishRequest:
    """Attributes:
    tree: the address of the `model_tree`, for messages.
    folder: the tree, relative to the working directory.
    scratch: a folder to make for clones, relative to the working directory.
    git_lfs: whether git repositories get `.pte` files through Git LFS.
    """

    tree: str
    folder: Path
    scratch: Path
    repositories: tuple[Repository, ...]
    git_lfs: bool
    allow: Permissions

    @staticmethod
    def read(fields: Fields) -> PublishRequest:
        """Raises PteError `bad-request` naming the wrong field, or `bad-repository`."""
        asked = RequestedRelease.read(fields)
        return PublishRequest(
            asked.tree,
            Path(asked.folder),
            Path(asked.scratch),
            tuple(parse_repository(text, Path(asked.build_root)) for text in asked.repositories),
            asked.git_lfs,
            asked.allow,
        )

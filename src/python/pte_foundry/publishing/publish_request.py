"""The plugin's request: what to publish, and where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pte_foundry.publishing.repository import Repository, parse_repository
from pte_foundry.records.json_fields import Fields


@dataclass(frozen=True)
class Permissions:
    """The options `[tree] allow_…`."""

    unofficial: bool
    changed: bool
    removed: bool


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
        build_root = Path(fields.text("build_root"))
        texts = fields.texts("repositories")
        if not texts or len(set(texts)) != len(texts):
            raise fields.error("repositories", f"is {list(texts)}: name each repository once")
        allow = fields.nested("allow")
        return PublishRequest(
            fields.text("tree"),
            Path(fields.text("folder")),
            Path(fields.text("scratch")),
            tuple(parse_repository(text, build_root) for text in texts),
            _flag(fields, "git_lfs"),
            Permissions(*(_flag(allow, name) for name in ("unofficial", "changed", "removed"))),
        )


def _flag(fields: Fields, name: str) -> bool:
    value = fields.get(name)
    if not isinstance(value, bool):
        raise fields.error(name, f"is {value!r}, not true or false")
    return value

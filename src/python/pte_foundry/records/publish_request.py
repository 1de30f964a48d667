"""What to publish and where, as the plugin asks for it (standard library only)."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from pte_foundry.records.json_fields import Fields

GITHUB = "github"
HUGGING_FACE = "hf"
"""The schemes of repositories that are published to through a web service, with its token."""


@dataclass(frozen=True)
class Permissions:
    """What the options `[tree] allow_…` permit."""

    unofficial: bool
    changed: bool
    removed: bool

    @staticmethod
    def read(fields: Fields) -> Permissions:
        return Permissions(*(fields.flag(name) for name in ("unofficial", "changed", "removed")))

    def to_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class RequestedRelease:
    """The content of `publish_request.json`.

    Attributes:
        tree: the address of the `model_tree`, for messages.
        folder: the tree, relative to the working directory.
        scratch: a folder to make, relative to the working directory, for clones of repositories.
        build_root: where relative paths of repositories start.
        repositories: as `model_tree` has them, each once.
        git_lfs: whether git repositories get `.pte` files through Git LFS.
    """

    tree: str
    folder: str
    scratch: str
    build_root: str
    repositories: tuple[str, ...]
    git_lfs: bool
    allow: Permissions

    @staticmethod
    def read(fields: Fields) -> RequestedRelease:
        """Raises PteError `bad-request` naming the wrong field."""
        repositories = fields.texts("repositories")
        if not repositories or len(set(repositories)) != len(repositories):
            raise fields.error(
                "repositories", f"is {list(repositories)}: name each repository once"
            )
        return RequestedRelease(
            tree=fields.text("tree"),
            folder=fields.text("folder"),
            scratch=fields.text("scratch"),
            build_root=fields.text("build_root"),
            repositories=repositories,
            git_lfs=fields.flag("git_lfs"),
            allow=Permissions.read(fields.nested("allow")),
        )

    def to_json(self) -> dict[str, object]:
        return {
            "tree": self.tree,
            "folder": self.folder,
            "scratch": self.scratch,
            "build_root": self.build_root,
            "repositories": list(self.repositories),
            "git_lfs": self.git_lfs,
            "allow": self.allow.to_json(),
        }

"""The artifacts that a release adds, changes and removes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pte_foundry.errors import PteError
from pte_foundry.publishing.tree_content import TreeContent
from pte_foundry.records.json_fields import Fields


@dataclass(frozen=True)
class ReleasedArtifact:
    """A program or a label file: its path in the tree and its SHA-256."""

    path: str
    sha256: str


@dataclass(frozen=True)
class ArtifactChange:
    """A change of one artifact within one ExecuTorch version.

    `name` is a program's address, or the path of a label file. `old` or `new` is None if it was added or removed.
    """

    version: str
    name: str
    old: ReleasedArtifact | None
    new: ReleasedArtifact | None


@dataclass(frozen=True)
class Changes:
    """Sorted by version and name."""

    added: tuple[ArtifactChange, ...]
    changed: tuple[ArtifactChange, ...]
    removed: tuple[ArtifactChange, ...]

    @property
    def summary(self) -> str:
        counts = (len(self.added), len(self.changed), len(self.removed))
        return "{} added, {} changed, {} removed".format(*counts)


def find_changes(new: TreeContent, published: TreeContent | None) -> Changes:
    """Compare the new tree with the same versions of the published one, whose other versions do not count.

    An artifact is changed if its path or its bytes differ.

    Raises:
        PteError: `bad-request` if an index cannot be read.
    """
    found: list[ArtifactChange] = []
    for version in sorted(new.versions):
        after = artifacts(new, version)
        before: dict[str, ReleasedArtifact] = {}
        if published is not None and version in published.versions:
            before = artifacts(published, version)
        found.extend(
            ArtifactChange(version, name, before.get(name), after.get(name))
            for name in sorted(before.keys() | after.keys())
            if before.get(name) != after.get(name)
        )
    return Changes(
        tuple(change for change in found if change.old is None),
        tuple(change for change in found if change.old and change.new),
        tuple(change for change in found if change.new is None),
    )


def artifacts(tree: TreeContent, version: str) -> dict[str, ReleasedArtifact]:
    """Name -> artifact of a version's index.

    Raises:
        PteError: `bad-request` if the index cannot be read; `bad-tree` if it lists a file that the tree
            does not have, or two artifacts with the same name.
    """
    index = read_index(tree, version)

    def listed(
        entries: str, name_of: Callable[[Fields, str], str]
    ) -> Mapping[str, ReleasedArtifact]:
        found: dict[str, ReleasedArtifact] = {}
        for entry in index.objects(entries):
            path = f"{version}/{entry.text('category')}/{entry.text('name')}"
            name, sha256 = name_of(entry, path), entry.sha256("hash")
            if tree.sums.get(path) != sha256 or name in found:
                raise PteError(
                    "bad-tree",
                    f"{tree.where}: {version}/index.json lists {name} with the file {path} and "
                    f"SHA-256 {sha256}, but the tree has {tree.sums.get(path) or 'no such file'}, or "
                    "the index lists that name twice. Package the tree again",
                )
            found[name] = ReleasedArtifact(path, sha256)
        return found

    return {
        **listed("models", lambda entry, _: entry.text("address")),
        **listed("labels", lambda _, path: path),
    }


def read_index(tree: TreeContent, version: str) -> Fields:
    """The index of one version. Raises PteError `bad-request` if it is malformed."""
    where = f"{tree.where}: {version}/index.json"
    try:
        value = json.loads(tree.read(f"{version}/index.json"))
    except ValueError as error:
        raise PteError(
            "bad-request", f"{where} is not JSON ({error}). Package the tree again"
        ) from error
    if not isinstance(value, dict):
        raise PteError("bad-request", f"{where} does not hold an object. Package the tree again")
    return Fields(value, where)

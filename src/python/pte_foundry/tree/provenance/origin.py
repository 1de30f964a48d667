"""What a tree was made from: its source, its lockfiles, and the checkpoints of its index."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pte_foundry.records.declared import Weights
from pte_foundry.records.json_fields import Fields
from pte_foundry.records.paths import check_path

# SHA-1 and SHA-256 repositories.
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
# RFC 3986: a scheme, and no white space.
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+", re.ASCII)


@dataclass(frozen=True)
class Origin:
    """What a tree was made from, beyond what its index says.

    Attributes:
        target: address of the `model_tree`.
        builder: URI of what ran the build; SLSA's `builder.id`.
        source_commit: git commit of the sources, 40 or 64 hexadecimal digits; None if it was not given.
        locks: address of a program -> its toolchain's lockfiles, paths in the repository.
    """

    target: str
    builder: str
    source_commit: str | None
    locks: Mapping[str, tuple[str, ...]]

    @property
    def lockfiles(self) -> tuple[str, ...]:
        """Of all programs, sorted."""
        return tuple(sorted({path for paths in self.locks.values() for path in paths}))

    @staticmethod
    def read(fields: Fields) -> Origin:
        """Raises PteError `bad-request` or `bad-path` naming the field that is missing or wrong."""
        builder = fields.text("builder")
        if not _URI.fullmatch(builder):
            raise fields.error(
                "builder", f"is {builder!r}, not a URI such as https://ci.example.org"
            )
        commit = fields.optional_text("source_commit")
        if commit is not None and not _COMMIT.fullmatch(commit):
            raise fields.error(
                "source_commit", f"is {commit!r}, not the 40 or 64 hexadecimal digits of a commit"
            )
        locks = fields.nested("locks")
        return Origin(
            fields.text("target"),
            builder,
            commit,
            {
                address: tuple(check_path(path, locks.where) for path in locks.texts(address))
                for address in sorted(locks.values)
            },
        )


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint, and the programs of an index that were made from it, sorted by name."""

    weights: Weights
    models: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its address; the name of its file if it has none."""
        return self.weights.address or self.weights.file or "unnamed"


def checkpoints(models: Sequence[Fields]) -> tuple[Checkpoint, ...]:
    """The checkpoints behind the programs of an index, each once, sorted by name.

    Args:
        models: the `models` of an index.

    Raises:
        PteError: `bad-request` naming the field that is missing or wrong.
    """
    found: dict[Weights, list[str]] = {}
    for model in models:
        found.setdefault(Weights.read(model.nested("weights")), []).append(model.text("name"))
    listed = [Checkpoint(weights, tuple(sorted(names))) for weights, names in found.items()]
    return tuple(sorted(listed, key=lambda each: (each.name, each.weights.sha256 or "")))

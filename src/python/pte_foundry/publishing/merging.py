"""Merge a tree with the versions that are already published."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from pte_foundry.errors import PteError
from pte_foundry.index.versions import versions_document
from pte_foundry.publishing.release import identity, release_name
from pte_foundry.publishing.tree_content import TreeContent
from pte_foundry.records.json_files import canonical_json
from pte_foundry.tree.sums import sha256sums
from pte_foundry.tree.tree_files import (
    LICENSES,
    PROVENANCE,
    SIGNATURE,
    SUMS,
    VERSIONS,
    is_measured,
)


@dataclass(frozen=True)
class Release:
    """The files of a release, and where their bytes come from.

    Attributes:
        name: see `release_name`.
        sums: path -> SHA-256 of every file that SHA256SUMS covers.
        texts: path -> bytes of the files that merging makes.
        kept: paths of the files that are already published.
        copied: paths of the files to copy from the new tree. With `texts` and `kept`, these are all.
    """

    name: str
    sums: Mapping[str, str]
    texts: Mapping[str, bytes]
    kept: frozenset[str]
    copied: frozenset[str]

    @property
    def identity(self) -> str:
        """See `release.identity`."""
        return identity(self.sums)

    @property
    def paths(self) -> frozenset[str]:
        return frozenset(self.texts) | self.kept | self.copied


def make_release(new: TreeContent, published: TreeContent | None) -> Release:
    """Merge the new tree with the published versions that it lacks.

    If there are none, the release is the new tree, byte for byte. Otherwise their folders and licences
    stay, versions.json lists all versions, the files at the root come from the tree with the latest
    version, and the statement of provenance keeps the subjects that still apply.

    Raises:
        PteError: `refused` for a signed tree that has to be merged: its signature would no longer fit.
            `bad-version` for a malformed version.
    """
    others = published.versions - new.versions if published else frozenset()
    if published is None or not others:
        texts = {SUMS: new.sums_bytes}
        return _release(new, published, new.latest, new.sums, texts, new.loose)
    if SIGNATURE in new.loose:
        raise PteError(
            "refused",
            f"{new.where}: it is signed, but {published.where} also has the versions "
            f"{', '.join(sorted(others))}, which the signature does not cover. Publish it unsigned and "
            "sign what was published, or publish to a separate place",
        )
    versions = versions_document(published.versions | new.versions)
    latest = str(versions["latest"])
    texts = {VERSIONS: canonical_json(versions).encode()}
    older, newer = (published, new) if latest in new.versions else (new, published)
    merged = {
        **{path: sha256 for path, sha256 in older.sums.items() if _is_carried(path, older)},
        **newer.sums,
    }
    # A version that both trees have is taken whole from the new one.
    sums = {
        **{path: sha256 for path, sha256 in merged.items() if _version(path) not in new.versions},
        **{path: sha256 for path, sha256 in new.sums.items() if _version(path) in new.versions},
        VERSIONS: hashlib.sha256(texts[VERSIONS]).hexdigest(),
    }
    texts[SUMS] = sha256sums(sums).encode()
    # Plots of measurements belong to the pages at the root.
    measured = frozenset(filter(is_measured, newer.loose))
    loose = frozenset(path for path in new.loose if not is_measured(path))
    if newer is new:
        loose |= measured
    if PROVENANCE in new.loose:
        texts[PROVENANCE] = _provenance(new, sums, loose)
    return _release(
        new, published, latest, sums, texts, loose, frozenset() if newer is new else measured
    )


def _release(
    new: TreeContent,
    published: TreeContent | None,
    latest: str,
    sums: Mapping[str, str],
    texts: Mapping[str, bytes],
    loose: frozenset[str],
    kept_loose: frozenset[str] = frozenset(),
) -> Release:
    before = published.sums if published else {}
    kept = kept_loose | {path for path, sha256 in sums.items() if before.get(path) == sha256}
    copied = (sums.keys() | loose) - kept - texts.keys()
    return Release(release_name(latest, sums), sums, texts, kept, frozenset(copied))


def _version(path: str) -> str:
    return path.split("/")[0]


def _is_carried(path: str, tree: TreeContent) -> bool:
    return path.startswith(f"{LICENSES}/") or _version(path) in tree.versions


def _provenance(new: TreeContent, sums: Mapping[str, str], loose: frozenset[str]) -> bytes:
    """The new tree's statement, limited to those of its files that the release has unchanged."""
    statement = json.loads(new.read(PROVENANCE))
    statement["subject"] = [
        subject
        for subject in statement["subject"]
        if sums.get(subject["name"]) == subject["digest"]["sha256"]
        or (is_measured(subject["name"]) and subject["name"] in loose)
    ]
    return canonical_json(statement).encode()

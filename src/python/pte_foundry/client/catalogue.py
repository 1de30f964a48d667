"""Choose and fetch programs of a published tree. This is the module that apps import.

from pte_foundry.client.catalogue import open_catalogue

catalogue = open_catalogue("https://example.org/models")
artifact = catalogue.best("yolo11n", "linux", backends=["xnnpack", "portable"])
path = catalogue.fetch(artifact)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import requests

from pte_foundry.client.download import Progress
from pte_foundry.client.index import (
    Artifact,
    Index,
    ListedFile,
    choose_version,
    index_path,
    parse_document,
    read_index,
)
from pte_foundry.client.retrying import Retrying
from pte_foundry.client.selection import select
from pte_foundry.client.source import Source, open_source
from pte_foundry.client.store import Store, default_cache

_VERSIONS = "versions.json"


def _ignore(_done: int, _total: int) -> None:
    pass


@dataclass(frozen=True)
class Catalogue:
    """The programs of one ExecuTorch version in one tree."""

    index: Index
    source: Source
    store: Store

    def candidates(
        self,
        model: str,
        platform: str,
        *,
        backends: Sequence[str] | None = None,
        precisions: Sequence[str] | None = None,
    ) -> tuple[Artifact, ...]:
        """All programs that fit, the preferred one first, for an app that falls back to the next one
        if a device cannot load the first. See `pte_foundry.client.selection.select`.

        Raises:
            NoArtifactError: nothing fits.
        """
        return select(self.index, model, platform, backends, precisions)

    def best(
        self,
        model: str,
        platform: str,
        *,
        backends: Sequence[str] | None = None,
        precisions: Sequence[str] | None = None,
    ) -> Artifact:
        """The first of `candidates`. Raises NoArtifactError if nothing fits."""
        return self.candidates(model, platform, backends=backends, precisions=precisions)[0]

    def fetch(self, artifact: Artifact, progress: Progress = _ignore) -> Path:
        """The program's file in the cache, with the size and SHA-256 that the index promises.

        The file is read-only and belongs to the cache: copy it to change or rename it.

        Raises:
            DownloadError: it could not be fetched, or is not the file that the index promises.
            CacheError: the cache cannot be written, or its disk is full.
        """
        return self._fetch(artifact.file, progress)

    def fetch_labels(self, artifact: Artifact, progress: Progress = _ignore) -> Path | None:
        """The model's label file in the cache, None if it has no labels. Raises what `fetch` raises."""
        return None if artifact.labels is None else self._fetch(artifact.labels, progress)

    def _fetch(self, file: ListedFile, progress: Progress) -> Path:
        return self.store.obtain(
            file.content, lambda partial: self.source.fill(file, partial, progress)
        )


def open_catalogue(
    location: str | Path,
    *,
    version: str | None = None,
    cache: Path | None = None,
    always_hash: bool = False,
    session: requests.Session | None = None,
    retrying: Retrying | None = None,
) -> Catalogue:
    """Read a tree's `versions.json`, and the index of one version.

    Args:
        location: root of the tree: a folder, a `file:` URL or an https URL.
        version: of the ExecuTorch runtime that will run the programs; None for the latest one.
        cache: folder for fetched files; None for `default_cache()`.
        always_hash: hash a cached file each time it is fetched, not only after it was written to.
        session: proxies and certificates for HTTP requests, and credentials (headers, user and password, cookies,
            parameters, a client certificate) for the origin of `location`: its scheme, host and port. No other host
            that an index or a redirection names sees them. For a host that needs its own, mount an adapter that adds
            them (`session.mount`).
        retrying: None for the defaults of `Retrying`.

    Raises:
        BadLocationError, InsecureAddressError: `location` is not one that can be read.
        BadCatalogueError: there is no tree, or it is malformed.
        NewerSchemaError: the tree needs a newer client.
        NoArtifactError: the tree has nothing for this version.
        DownloadError: the server cannot be read.
    """
    source = open_source(location, session, retrying or Retrying())
    versions = parse_document(source.document(_VERSIONS), source.where(_VERSIONS))
    chosen = choose_version(versions, version)
    path = index_path(versions, chosen)
    fields = parse_document(source.document(path), source.where(path))
    return Catalogue(
        read_index(fields, chosen),
        source,
        Store(cache or default_cache(), always_hash),
    )

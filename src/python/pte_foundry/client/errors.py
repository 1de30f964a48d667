"""Errors of the client; each is a `PteError`."""

from __future__ import annotations

from pte_foundry.errors import PteError
from pte_foundry.records.outside_text import plain


class ClientError(PteError):
    """Base of all errors of the client. Scripts match its `kind`.

    Messages quote servers and indexes, so each is made printable and bounded here.
    """

    kind_of_error = "client"

    def __init__(self, message: str) -> None:
        super().__init__(self.kind_of_error, plain(message))


class BadLocationError(ClientError):
    """The location is not a folder, `file:` URL or https URL."""

    kind_of_error = "bad-location"


class BadCatalogueError(ClientError):
    """`versions.json` or `index.json` is absent or malformed, or contradicts the other."""

    kind_of_error = "bad-catalogue"


class NewerSchemaError(ClientError):
    """The tree was written for a newer client."""

    kind_of_error = "newer-schema"


class NoArtifactError(ClientError):
    """Nothing in the catalogue fits the request."""

    kind_of_error = "no-artifact"


class DownloadError(ClientError):
    """A file could not be fetched: the server refused, or every attempt failed."""

    kind_of_error = "download-failed"


class InsecureAddressError(DownloadError):
    """An address or a redirection that is not https."""

    kind_of_error = "insecure-address"


class WrongContentError(DownloadError):
    """A fetched file does not have the size and SHA-256 that the index promises."""

    kind_of_error = "wrong-content"


class CacheError(ClientError):
    """The cache cannot be written, or its disk is full."""

    kind_of_error = "cache-unusable"

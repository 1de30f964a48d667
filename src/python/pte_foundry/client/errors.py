"""What can go wrong between an app and a published tree; all of it is a `PteError`."""

from __future__ import annotations

from pte_foundry.errors import PteError
from pte_foundry.records.outside_text import plain


class ClientError(PteError):
    """Base of all errors of the client. `kind` is the class's, for scripts to match.

    A message quotes what servers and indexes say, so every message is made plain here, and bounded.
    """

    kind_of_error = "client"

    def __init__(self, message: str) -> None:
        super().__init__(self.kind_of_error, plain(message))


class BadLocationError(ClientError):
    """The location is no folder, `file:` URL or https URL."""

    kind_of_error = "bad-location"


class BadCatalogueError(ClientError):
    """`versions.json` or `index.json` is absent, malformed or contradicts the other."""

    kind_of_error = "bad-catalogue"


class NewerSchemaError(ClientError):
    """The tree was written for a newer client."""

    kind_of_error = "newer-schema"


class NoArtifactError(ClientError):
    """Nothing in the catalogue fits the request."""

    kind_of_error = "no-artifact"


class DownloadError(ClientError):
    """A file could not be fetched: the server refuses, or every attempt failed."""

    kind_of_error = "download-failed"


class InsecureAddressError(DownloadError):
    """An address or a redirection that is not https."""

    kind_of_error = "insecure-address"


class WrongContentError(DownloadError):
    """What was fetched does not have the size and SHA-256 that the index promises."""

    kind_of_error = "wrong-content"


class CacheError(ClientError):
    """The cache cannot be written, or its disk is full."""

    kind_of_error = "cache-unusable"

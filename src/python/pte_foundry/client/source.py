"""A tree to read: in a folder on this machine, or on a web server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import requests

from pte_foundry.client.address import check_address, without_user
from pte_foundry.client.content import hint
from pte_foundry.client.download import Progress, download
from pte_foundry.client.errors import (
    BadCatalogueError,
    BadLocationError,
    DownloadError,
    WrongContentError,
)
from pte_foundry.client.files import open_regular
from pte_foundry.client.http_client import HttpClient
from pte_foundry.client.index import LARGEST_DOCUMENT, ListedFile
from pte_foundry.client.partial import Partial
from pte_foundry.client.retrying import Retrying
from pte_foundry.records.outside_text import shown

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Web:
    """A tree on a server. `base`: the address of its root, without a final slash."""

    base: str
    http: HttpClient
    retrying: Retrying

    def where(self, path: str) -> str:
        """The location of a file, for messages."""
        return f"{self.base}/{path}"

    def document(self, path: str) -> bytes:
        """A JSON document. Raises ClientError if it is absent or too large."""
        url = self.where(path)
        return self.retrying.run(url, lambda: self.http.read(url, LARGEST_DOCUMENT))

    def fill(self, file: ListedFile, partial: Partial, progress: Progress) -> None:
        """Complete `partial`. Raises DownloadError, and OSError from `partial`."""
        # The publisher may keep the files apart from the index.
        download(self.http, file.url or self.where(file.path), partial, self.retrying, progress)


@dataclass(frozen=True)
class Folder:
    """A checked-out submodule, a published folder, or what `package` wrote. See `Web`.

    `root` is resolved, so moving a pointer like `current` has no effect.
    """

    root: Path
    http: HttpClient
    retrying: Retrying

    def where(self, path: str) -> str:
        return str(self.root / path)

    def document(self, path: str) -> bytes:
        try:
            with open_regular(self.root / path, follow=True) as file:
                content = file.read(LARGEST_DOCUMENT + 1)
        except OSError as error:
            raise BadCatalogueError(
                f"{self.root / path} cannot be read ({error.strerror}). Name the root of a tree, "
                "and check out its submodule with `git submodule update --init`"
            ) from error
        if len(content) > LARGEST_DOCUMENT:
            raise BadCatalogueError(f"{self.root / path} has more than {LARGEST_DOCUMENT} bytes")
        return content

    def fill(self, file: ListedFile, partial: Partial, progress: Progress) -> None:
        path = self.root / file.path
        if file.url is not None and not os.path.exists(path):
            download(self.http, file.url, partial, self.retrying, progress)
            return
        partial.begin(str(path), None)
        for block in _blocks(path):
            partial.append(block)
            progress(partial.size, file.content.size)
            if partial.size > file.content.size:
                break
        if not partial.matches():
            reason = hint(partial.beginning())
            partial.discard()
            raise WrongContentError(
                f"{path} is not what the index promises: {file.content.size} bytes with SHA-256 "
                f"{file.content.sha256}. Restore it from the release.{reason}"
            )


Source = Web | Folder
"""The root of a tree."""


def open_source(
    location: str | Path, session: requests.Session | None, retrying: Retrying
) -> Source:
    """A folder's path, a `file:` URL of a folder, or the https URL of a tree's root.

    Raises:
        InsecureAddressError: for http to another machine, a user in the URL, a `..` in it.
        BadLocationError: for anything else, and a missing folder.
    """
    if isinstance(location, str):
        name = shown(without_user(location))
        try:
            parts = urlsplit(location)
        except ValueError as error:
            raise BadLocationError(
                f"{name} is not a URL ({error}). Write https://host/path"
            ) from None
        if parts.scheme in ("http", "https"):
            if parts.query or parts.fragment:
                raise BadLocationError(f"{name}: a root's address cannot have a `?` or `#`")
            base = check_address(location, where="the location")
            return Web(base.rstrip("/"), HttpClient(session, base), retrying)
        if parts.scheme == "file":
            if parts.netloc not in ("", "localhost"):
                raise BadLocationError(
                    f"{name} names the machine {shown(parts.netloc)}. Write file:///path"
                )
            location = url2pathname(parts.path)
        elif "://" in location:
            raise BadLocationError(
                f"{name}: give a folder, a file: URL or an https URL, not {parts.scheme}:"
            )
    try:
        root = Path(location).resolve(strict=True)
        is_folder = root.is_dir()
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: a loop of links.
        raise BadLocationError(
            f"{location} cannot be opened ({error}). Name the folder that holds versions.json"
        ) from error
    if not is_folder:
        raise BadLocationError(f"{root} is not a folder. Name the one that holds versions.json")
    # A folder has no origin: any server that its index names is a stranger.
    return Folder(root, HttpClient(session), retrying)


def _blocks(path: Path) -> Iterator[bytes]:
    """The file in blocks. A failure to read it is a DownloadError, unlike one of the cache."""
    try:
        with open_regular(path, follow=True) as file:
            while block := file.read(_BLOCK):
                yield block
    except OSError as error:
        raise DownloadError(
            f"{path} cannot be read ({error.strerror}). Check it out (`git submodule update --init`, "
            "`git lfs pull`), or use an address that has it"
        ) from error

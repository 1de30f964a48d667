"""Download one file over HTTP, resuming an earlier download.

Ranges and validators: RFC 9110, sections 13.1.5 (If-Range), 14.2 (Range), 14.4 (Content-Range).
"""

from __future__ import annotations

import re
from collections.abc import Callable

import requests

from pte_foundry.client.content import hint
from pte_foundry.client.errors import DownloadError, WrongContentError
from pte_foundry.client.http_client import HttpClient, blocks
from pte_foundry.client.partial import Partial
from pte_foundry.client.retrying import Retrying, TransientError

Progress = Callable[[int, int], None]
"""Called with the bytes so far and the total."""

# Python refuses to convert 4,301 digits; no file size has 19.
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)", re.ASCII)
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)


def download(
    http: HttpClient, url: str, partial: Partial, retrying: Retrying, progress: Progress
) -> None:
    """Return when `partial` is complete and matches its content.

    Raises:
        WrongContentError: the server has a different file at this address. None of it is kept.
        InsecureAddressError: for an address or a redirection that is not allowed.
        DownloadError: after the last attempt, or at once if retrying cannot help. What has arrived is
            kept for the next call.
        OSError: `partial` cannot be written.
    """
    retrying.run(url, lambda: _attempt(http, url, partial, progress))


def _attempt(http: HttpClient, url: str, partial: Partial, progress: Progress) -> None:
    size = partial.content.size
    if partial.size >= size:
        if partial.matches():
            return
        partial.discard()
    asked = partial.size
    continued = False
    with http.open(url, _headers(url, partial, asked)) as response:
        if response.status_code == 416:
            raise _not_satisfiable(url, partial, asked)
        if response.status_code == 206:
            _check_range(url, response, partial, asked)
            continued = True
        else:  # The whole file: no range was requested, the file changed, or the server supports none.
            length = response.headers.get("Content-Length", "")
            if _LENGTH.fullmatch(length) and int(length) != size:
                raise WrongContentError(_other_size(url, f"{length} bytes", size))
            partial.begin(url, _validator(response))
        progress(partial.size, size)
        for block in blocks(url, response):
            partial.append(block)
            if partial.size > size:
                reason = hint(partial.beginning())
                partial.discard()
                raise WrongContentError(_other_size(url, f"more than {size} bytes", size) + reason)
            progress(partial.size, size)
    if partial.size < size:
        raise TransientError(f"{url}: ended after {partial.size} of {size} bytes")
    if not partial.matches():
        reason = hint(partial.beginning())
        partial.discard()
        if continued:
            # They may come from two files. A download from the beginning cannot.
            raise TransientError(f"{url}: the parts of two downloads do not fit together")
        raise WrongContentError(
            f"{url}: does not have the SHA-256 that the index promises, {partial.content.sha256}. "
            f"None of it is kept. Publish the files that the index lists, or use their release.{reason}"
        )


def _headers(url: str, partial: Partial, start: int) -> dict[str, str]:
    if not start:
        return {}
    validator = partial.validator(url)
    # Without a validator the hash alone decides whether the parts fit together.
    condition = {"If-Range": validator} if validator else {}
    return {"Range": f"bytes={start}-", **condition}


def _validator(response: requests.Response) -> str | None:
    """The value for If-Range: a strong ETag, else the modification date."""
    etag = response.headers.get("ETag", "")
    if etag.startswith('"'):
        return etag
    return response.headers.get("Last-Modified")


def _check_range(url: str, response: requests.Response, partial: Partial, asked: int) -> None:
    sent = response.headers.get("Content-Range", "")
    match = _CONTENT_RANGE.fullmatch(sent)
    if not asked:
        raise DownloadError(f"{url}: the server sent an unrequested range ({sent})")
    if match is None or int(match[1]) != asked:
        partial.discard()
        raise TransientError(f"{url}: asked for bytes from {asked}, but the server sent {sent!r}")
    if match[2] not in ("*", str(partial.content.size)):
        partial.discard()
        raise WrongContentError(_other_size(url, f"{match[2]} bytes", partial.content.size))


def _not_satisfiable(url: str, partial: Partial, asked: int) -> Exception:
    if not asked:
        return DownloadError(f"{url}: HTTP 416 without a requested range. Correct the server")
    partial.discard()
    return TransientError(f"{url}: the server's file ends before byte {asked} (HTTP 416)")


def _other_size(url: str, found: str, size: int) -> str:
    return (
        f"{url}: has {found}, but the index promises {size}. "
        "Publish the files that the index lists, or use their release."
    )

"""Read a checkpoint from the first address that has it."""

from __future__ import annotations

import hashlib
import http.client
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, cast
from urllib.parse import urlsplit

from pin_weights.command.content import CheckpointContent
from workspace.errors import ToolError

_BLOCK = 1 << 20
_TIMEOUT_SECONDS = 60.0  # for each answer of the host, not for the whole file


class Headers(Protocol):
    def get(self, name: str, /) -> str | None: ...


class Response(Protocol):
    @property
    def headers(self) -> Headers: ...

    def read(self, amount: int, /) -> bytes: ...


OpenUrl = Callable[[str], AbstractContextManager[Response]]
# Called with the bytes so far, and with the bytes in all or None if the host does not say.
Progress = Callable[[int, "int | None"], None]


@dataclass(frozen=True)
class Downloaded:
    url: str
    content: CheckpointContent


class _RefusedError(Exception):
    """This address does not give the file, for this reason."""


def check_schemes(urls: Sequence[str]) -> None:
    """Raises ToolError if there is no address, or one that is neither `https:` nor `file:`."""
    if not urls:
        raise ToolError("the target has no `urls`; add one, or pin a local file with --file PATH")
    for url in urls:
        if urlsplit(url).scheme not in ("https", "file"):
            raise ToolError(f"{url}: only https: and file: addresses are allowed; correct `urls`")


def open_https_or_file(url: str) -> AbstractContextManager[Response]:
    """The opener for real use: no other scheme, not by way of a redirection either."""
    context = ssl.create_default_context()
    if certificates := os.environ.get("PANTS_CA_CERTS_PATH"):
        context.load_verify_locations(certificates)
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPSHandler(context=context),
        urllib.request.FileHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    request = urllib.request.Request(url, headers={"Accept-Encoding": "identity"})
    # The director is typed for any kind of handler; these give responses, or raise.
    return cast("AbstractContextManager[Response]", opener.open(request, timeout=_TIMEOUT_SECONDS))


def download(
    urls: Sequence[str],
    open_url: OpenUrl,
    max_bytes: int,
    progress: Progress,
    into: Path | None = None,
) -> Downloaded:
    """Try `urls` in order. Raises ToolError with every reason if none gives the whole file.

    into: where the file is written to; if left out, it is not kept.
    """
    reasons = []
    for url in urls:
        try:
            with open_url(url) as response, _opened(into) as file:
                return Downloaded(url, _read(response, max_bytes, progress, file))
        except urllib.error.HTTPError as error:
            reasons.append(f"{url}: HTTP {error.code} {error.reason}")
        except urllib.error.URLError as error:
            reasons.append(f"{url}: {error.reason}")
        except (OSError, http.client.HTTPException, _RefusedError) as error:
            reasons.append(f"{url}: {error or type(error).__name__}")
    raise ToolError(
        "no address gives the file:"
        + "".join(f"\n  - {reason}" for reason in reasons)
        + "\nFetch it by other means and pin it with --file PATH"
    )


def _opened(into: Path | None) -> AbstractContextManager[IO[bytes] | None]:
    return nullcontext() if into is None else into.open("wb")


def _read(
    response: Response, max_bytes: int, progress: Progress, file: IO[bytes] | None
) -> CheckpointContent:
    kind = response.headers.get("Content-Type") or ""
    if kind.startswith("text/html"):
        raise _RefusedError("the answer is a web page, not a file")
    length = response.headers.get("Content-Length")
    total = int(length) if length is not None and length.isdecimal() else None
    if total is not None and total > max_bytes:
        raise _RefusedError(f"has {total} bytes, more than --max-mib allows ({max_bytes} bytes)")
    digest = hashlib.sha256()
    size = 0
    progress(0, total)
    while block := response.read(_BLOCK):
        digest.update(block)
        size += len(block)
        if size > max_bytes:
            raise _RefusedError(f"has more bytes than --max-mib allows ({max_bytes} bytes)")
        if file is not None:
            file.write(block)
        progress(size, total)
    # A connection that breaks looks like the end of the file.
    if total is not None and size != total:
        raise _RefusedError(f"ended after {size} of {total} bytes")
    if size == 0:
        raise _RefusedError("is empty")
    return CheckpointContent(digest.hexdigest(), size)

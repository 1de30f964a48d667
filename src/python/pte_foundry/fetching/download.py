"""Download a file to disk, continuing where an earlier attempt ended (standard library only).

Builds fetch checkpoints with it, in a process without any package. `pte_foundry.client` reads published trees, with
more rules about who may be asked for what; here the address is in a BUILD file, and the hash decides.

Ranges and validators: RFC 9110, sections 13.1.5 (If-Range), 14.2 (Range), 14.4 (Content-Range).
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol, cast

Progress = Callable[[int, int], None]
"""Called with the bytes so far, and with those of the whole file."""

_BLOCK = 1 << 20
_TIMEOUT_SECONDS = 60.0  # Between two blocks, not for the whole file.
_ATTEMPTS = 5  # In a row that bring nothing.
_LONGEST_WAIT_SECONDS = 30.0
_LATER = (408, 425, 429, 500, 502, 503, 504)
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)", re.ASCII)
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)


class DownloadFailed(Exception):
    """This address does not give the file, for this reason."""


class _Interrupted(Exception):
    """Another attempt may go further."""


class AnswerHeaders(Protocol):
    def get(self, name: str, /) -> str | None: ...


class HttpAnswer(Protocol):
    status: int | None

    @property
    def headers(self) -> AnswerHeaders: ...

    def read(self, amount: int, /) -> bytes: ...


OpenUrl = Callable[[urllib.request.Request], AbstractContextManager[HttpAnswer]]


class PartialDownload:
    """What has arrived of a file, and from where; it survives the end of this process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._record = path.with_name(f"{path.name}.json")

    @property
    def size(self) -> int:
        """In bytes; 0 if nothing has arrived."""
        return self.path.stat().st_size if self.path.exists() else 0

    def validator(self, url: str) -> str | None:
        """The ETag or date that came with the bytes; None if they came from another address."""
        try:
            record = json.loads(self._record.read_text("utf-8"))
            validator = record["validator"] if record["url"] == url else None
        except (OSError, ValueError, LookupError, TypeError):
            return None
        return validator if isinstance(validator, str) else None

    def begin(self, url: str, validator: str | None) -> None:
        """Start over with an empty file."""
        # First, so that no validator is ever beside the bytes of another file.
        self._record.unlink(missing_ok=True)
        self.path.write_bytes(b"")
        self._record.write_text(json.dumps({"url": url, "validator": validator}), "utf-8")

    def discard(self) -> None:
        self._record.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)


def url_opener(certificates: str | None) -> OpenUrl:
    """Opens https, http and file addresses, through the proxies that the environment names.

    certificates: a file with authorities that are trusted beside the system's.
    """
    context = ssl.create_default_context()
    if certificates:
        context.load_verify_locations(certificates)
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=context),
        urllib.request.FileHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        # Never to a file.
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)

    def open_url(request: urllib.request.Request) -> AbstractContextManager[HttpAnswer]:
        # The director is typed for any kind of handler; these give responses, or raise.
        opened = opener.open(request, timeout=_TIMEOUT_SECONDS)
        return cast("AbstractContextManager[HttpAnswer]", opened)

    return open_url


def download(
    url: str,
    partial: PartialDownload,
    size: int | None,
    open_url: OpenUrl,
    progress: Progress,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return when `partial` has `size` bytes. Whether they are the right ones, the caller has to see.

    Args:
        size: None for as many bytes as the host says that the file has.

    Raises:
        DownloadFailed: after five attempts in a row that brought nothing, or at once if another one cannot help. What
            has arrived is kept for the next call.
        OSError: `partial` cannot be written.
    """
    failures = 0
    while True:
        before = partial.size
        try:
            if size is None:
                size = _announced_size(url, partial, open_url)
            _attempt(url, partial, size, open_url, progress)
            return
        except _Interrupted as interruption:
            failures = 1 if partial.size > before else failures + 1
            if failures >= _ATTEMPTS:
                whole = "" if size is None else f" of {size}"
                kept = f"; {partial.size}{whole} bytes are kept" if partial.size else ""
                raise DownloadFailed(f"{interruption}, {failures} times in a row{kept}") from None
            sleep(min(2.0 ** (failures - 1), _LONGEST_WAIT_SECONDS))


def _announced_size(url: str, partial: PartialDownload, open_url: OpenUrl) -> int:
    """What the host says is the length of the file, of which nothing is read.

    It is asked by GET: signed addresses, to which many hosts redirect, are good for one method.
    """
    with _translated(partial):
        response = open_url(_request(url, partial, 0))
    with response as answer:
        length = answer.headers.get("Content-Length") or ""
    if not _LENGTH.fullmatch(length):
        raise DownloadFailed("the host does not say how long the file is")
    return int(length)


def _attempt(
    url: str, partial: PartialDownload, size: int, open_url: OpenUrl, progress: Progress
) -> None:
    if partial.size > size:
        partial.discard()
    start = partial.size
    if start == size and partial.path.exists():
        return
    with _translated(partial):
        response = open_url(_request(url, partial, start))
    with response as answer:
        if answer.status == 206:
            _check_range(answer.headers.get("Content-Range") or "", partial, start, size)
        else:  # The whole file: no range was requested, the file changed, or the server has no ranges.
            _check_whole(answer.headers, size)
            partial.begin(url, _validator(answer.headers))
        progress(partial.size, size)
        with partial.path.open("ab") as file:
            while True:
                with _translated(partial):
                    block = answer.read(_BLOCK)
                if not block:
                    break
                file.write(block)
                file.flush()
                if file.tell() > size:
                    partial.discard()
                    raise DownloadFailed(f"has more than the {size} bytes that are expected")
                progress(file.tell(), size)
    if partial.size < size:
        raise _Interrupted(f"the connection ended after {partial.size} of {size} bytes")


def _request(url: str, partial: PartialDownload, start: int) -> urllib.request.Request:
    # A compressed body would have another length and other ranges.
    request = urllib.request.Request(url, headers={"Accept-Encoding": "identity"})
    if start:
        request.add_header("Range", f"bytes={start}-")
        if validator := partial.validator(url):
            request.add_header("If-Range", validator)
    return request


def _validator(headers: AnswerHeaders) -> str | None:
    """The value for If-Range: a strong ETag, else the modification date."""
    etag = headers.get("ETag") or ""
    return etag if etag.startswith('"') else headers.get("Last-Modified")


def _check_whole(headers: AnswerHeaders, size: int) -> None:
    length = headers.get("Content-Length") or ""
    if _LENGTH.fullmatch(length) and int(length) != size:
        page = (headers.get("Content-Type") or "").startswith("text/html")
        what = "is a web page of" if page else "has"
        raise DownloadFailed(f"{what} {length} bytes, expected {size}")


def _check_range(sent: str, partial: PartialDownload, start: int, size: int) -> None:
    match = _CONTENT_RANGE.fullmatch(sent)
    if match is None or int(match[1]) != start:
        partial.discard()
        raise _Interrupted(f"the server sent the range {sent!r}, not the one from byte {start}")
    if match[2] not in ("*", str(size)):
        partial.discard()
        raise DownloadFailed(f"has {match[2]} bytes, expected {size}")


@contextmanager
def _translated(partial: PartialDownload) -> Iterator[None]:
    """Raise what opening and reading an address raises as our own errors."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and partial.size:
            partial.discard()
            raise _Interrupted("the server's file is shorter than what has arrived") from error
        line = f"HTTP {error.code} {error.reason}".rstrip()
        raise (_Interrupted if error.code in _LATER else DownloadFailed)(line) from error
    except urllib.error.URLError as error:
        reason = error.reason
        if isinstance(reason, ssl.SSLError):
            raise DownloadFailed(f"the connection is not trusted ({reason})") from error
        # What a `file:` address raises.
        if isinstance(reason, (FileNotFoundError, PermissionError, IsADirectoryError)):
            raise DownloadFailed(reason.strerror) from error
        if isinstance(reason, OSError):
            raise _Interrupted(f"no connection ({reason})") from error
        raise DownloadFailed(str(reason)) from error
    except (OSError, http.client.HTTPException) as error:
        raise _Interrupted(f"the connection broke ({error or type(error).__name__})") from error
    except ValueError as error:
        raise DownloadFailed(str(error)) from error

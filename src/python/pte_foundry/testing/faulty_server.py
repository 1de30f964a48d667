"""A real HTTP server of files that misbehaves where a test tells it to."""

from __future__ import annotations

import hashlib
import re
import sys
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import requests

Fault = Callable[["Handler", bytes], None]


@dataclass(frozen=True)
class Asked:
    """A request that arrived: its path, and the headers that matter; `everything` is its line and all headers."""

    path: str
    range: str | None
    if_range: str | None
    encoding: str | None
    everything: str


class FaultyServer(ThreadingHTTPServer):
    """Attributes:
    files: path with a leading slash -> content.
    faults: path -> what goes wrong at its next requests, one after the other; then nothing.
    asked: every request so far.
    """

    daemon_threads = True
    files: dict[str, bytes]
    faults: defaultdict[str, deque[Fault]]
    asked: list[Asked]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up, or is killed, is no error here."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def url(self, path: str = "") -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def fail(self, path: str, *faults: Fault) -> None:
        self.faults[path].extend(faults)

    def asked_for(self, path: str) -> list[Asked]:
        return [each for each in self.asked if each.path == path]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Without it a body that follows its headers waits 40 ms for the client's acknowledgement.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        server = cast(FaultyServer, self.server)
        header = self.headers.get
        server.asked.append(
            Asked(
                self.path,
                header("Range"),
                header("If-Range"),
                header("Accept-Encoding"),
                f"{self.requestline}\n{self.headers}",
            )
        )
        # Parameters that a client adds are no part of a file's name.
        content = server.files.get(self.path.partition("?")[0])
        faults = server.faults[self.path.partition("?")[0]]
        with suppress(ConnectionError):  # Who has read enough hangs up.
            if faults:
                faults.popleft()(self, content or b"")
            elif content is None:
                answer(self, 404)
            else:
                behave(self, content)

    def log_message(self, format: str, *args: object) -> None:
        pass


def etag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:16]}"'


def answer(
    handler: Handler,
    status: int,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    sent: int | None = None,
) -> None:
    """Send an answer, and hang up after `sent` bytes of its body if that is given."""
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
        if value:
            handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body[:sent])
    if sent is not None:
        handler.close_connection = True


def behave(handler: Handler, content: bytes) -> None:
    """As RFC 9110 says, with ranges and a strong ETag."""
    headers = {"ETag": etag(content)}
    start = _start(handler, content)
    if start is None:
        answer(handler, 200, content, headers)
    elif start >= len(content):
        answer(handler, 416, headers={"Content-Range": f"bytes */{len(content)}"})
    else:
        answer(handler, 206, content[start:], {**headers, "Content-Range": _range(start, content)})


def cut(after: int) -> Fault:
    """Promise all, hang up after so many bytes."""

    def fault(handler: Handler, content: bytes) -> None:
        start = _start(handler, content) or 0
        headers = {"ETag": etag(content)}
        if start:
            headers["Content-Range"] = _range(start, content)
        answer(handler, 206 if start else 200, content[start:], headers, sent=after)

    return fault


def truncated(after: int) -> Fault:
    """Send so many bytes without a length: to the client, that is all there is."""

    def fault(handler: Handler, content: bytes) -> None:
        headers = {"Content-Length": "", "Connection": "close"}
        answer(handler, 200, content[:after], headers, sent=after)

    return fault


def stalled(after: int, go_on: threading.Event) -> Fault:
    """Send so many bytes, and the rest when the event is set; a minute is as good as never."""

    def fault(handler: Handler, content: bytes) -> None:
        answer(handler, 200, content, {"ETag": etag(content)}, sent=after)
        handler.wfile.flush()
        go_on.wait(60)
        handler.wfile.write(content[after:])

    return fault


def slow(pieces: int, pause: float) -> Fault:
    """As `behave`, but the body comes in so many pieces, with a pause before each, in seconds."""

    def fault(handler: Handler, content: bytes) -> None:
        start = _start(handler, content) or 0
        headers = {"ETag": etag(content)}
        if start:
            headers["Content-Range"] = _range(start, content)
        body = content[start:]
        answer(handler, 206 if start else 200, body, headers, sent=0)
        length = -(-len(body) // pieces)
        for position in range(0, len(body), length):
            time.sleep(pause)
            handler.wfile.write(body[position : position + length])

    return fault


def without_ranges(handler: Handler, content: bytes) -> None:
    """Send the whole file, whatever was asked for."""
    answer(handler, 200, content)


def without_validator(after: int) -> Fault:
    """`cut`, and no ETag."""
    return lambda handler, content: answer(handler, 200, content, sent=after)


def status(code: int, **headers: str) -> Fault:
    """Answer with a status; header names are written with `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, _: answer(handler, code, b"no", named)


def other_range(start: int) -> Fault:
    """Send the bytes from `start`, whatever was asked for."""
    return lambda handler, content: answer(
        handler, 206, content[start:], {"Content-Range": _range(start, content)}
    )


def direct_session() -> requests.Session:
    """Ignores the proxies and the `.netrc` of this machine."""
    session = requests.Session()
    session.trust_env = False
    return session


@contextmanager
def serve(files: Mapping[str, bytes]) -> Iterator[FaultyServer]:
    """A server of these files on a free port of this machine."""
    with FaultyServer(("127.0.0.1", 0), Handler) as server:
        server.files, server.faults, server.asked = dict(files), defaultdict(deque), []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def _start(handler: Handler, content: bytes) -> int | None:
    """The first byte to send; None for the whole file."""
    match = re.fullmatch(r"bytes=([0-9]+)-", handler.headers["Range"] or "")
    if match is None or handler.headers["If-Range"] not in (None, etag(content)):
        return None
    return int(match[1])


def _range(start: int, content: bytes) -> str:
    return f"bytes {start}-{len(content) - 1}/{len(content)}"

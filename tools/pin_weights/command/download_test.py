from __future__ import annotations

import hashlib
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast
from urllib.error import URLError

import pytest

from pin_weights.command.content import CheckpointContent
from pin_weights.command.download import (
    Response,
    check_schemes,
    download,
    open_https_or_file,
)
from workspace.errors import ToolError

DATA = bytes(range(256)) * 10_000  # several blocks
CONTENT = CheckpointContent(hashlib.sha256(DATA).hexdigest(), len(DATA))


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        cast(Server, self.server).asked.append(self.path)
        if self.path == "/missing":
            self.send_error(404)
            return
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/file")
            self.end_headers()
            return
        self.send_response(200)
        if self.path == "/page":
            self.send_header("Content-Type", "text/html; charset=utf-8")
        if self.path != "/unknown-length":
            # One that is promised and not sent is a connection that breaks.
            extra = 1 if self.path == "/truncated" else 0
            length = 0 if self.path == "/empty" else len(DATA) + extra
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.path != "/empty":
            with suppress(ConnectionError):  # who has read enough hangs up
                self.wfile.write(DATA)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    asked: list[str]

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


@pytest.fixture()
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as running:
        running.asked = []
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def open_any(url: str) -> AbstractContextManager[Response]:
    """Allows http: too, and no proxy of this machine."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return cast("AbstractContextManager[Response]", opener.open(url, timeout=10))


def ignore(done: int, total: int | None) -> None:
    pass


@pytest.mark.parametrize("path", ["/file", "/unknown-length", "/moved"])
def test_a_file_is_read_whole(server: Server, path: str) -> None:
    steps: list[tuple[int, int | None]] = []
    result = download(
        [server.url(path)], open_any, len(DATA), lambda done, total: steps.append((done, total))
    )
    assert result.content == CONTENT
    total = None if path == "/unknown-length" else len(DATA)
    assert steps[0] == (0, total)
    assert steps[-1] == (len(DATA), total)


def test_the_first_address_that_gives_the_file_is_taken(server: Server) -> None:
    urls = [server.url(path) for path in ("/missing", "/truncated", "/file", "/unknown-length")]
    assert download(urls, open_any, 1 << 30, ignore).url == urls[2]
    assert server.asked == ["/missing", "/truncated", "/file"]


def test_every_reason_is_told_if_none_does(server: Server) -> None:
    paths = ("/missing", "/truncated", "/page", "/empty")
    with pytest.raises(ToolError) as caught:
        download([*map(server.url, paths), "http://127.0.0.1:1/closed"], open_any, 1 << 30, ignore)
    lines = str(caught.value).splitlines()
    assert lines[1].endswith("/missing: HTTP 404 Not Found")
    assert lines[2].endswith(f"/truncated: ended after {len(DATA)} of {len(DATA) + 1} bytes")
    assert lines[3].endswith("/page: the answer is a web page, not a file")
    assert lines[4].endswith("/empty: is empty")
    assert "Connection refused" in lines[5]
    assert "--file" in lines[6]


@pytest.mark.parametrize("path", ["/file", "/unknown-length"])
def test_a_file_above_the_limit_is_not_read_on(server: Server, path: str) -> None:
    most = 0

    def remember(done: int, total: int | None) -> None:
        nonlocal most
        most = max(most, done)

    with pytest.raises(ToolError, match="--max-mib"):
        download([server.url(path)], open_any, len(DATA) - 1, remember)
    assert most < len(DATA)


def test_the_real_opener_reads_local_files(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(DATA)
    for url in (f"file:{tmp_path}/a.pth", f"file://{tmp_path}/a.pth"):
        assert download([url], open_https_or_file, 1 << 30, ignore).content == CONTENT
    with pytest.raises(ToolError, match="gone.pth: .*No such file"):
        download([f"file:{tmp_path}/gone.pth"], open_https_or_file, 1 << 30, ignore)


def test_the_real_opener_has_no_way_to_http(server: Server) -> None:
    with pytest.raises(URLError, match="unknown url type: http"):
        open_https_or_file(server.url("/file"))
    assert server.asked == []


def test_schemes() -> None:
    check_schemes(["https://example.org/a", "file:/a"])
    with pytest.raises(ToolError, match="--file PATH"):
        check_schemes([])
    for url in ("http://example.org/a", "ftp://example.org/a", "/a", "HTTPX://a"):
        with pytest.raises(ToolError, match="only https: and file:"):
            check_schemes(["https://example.org/a", url])

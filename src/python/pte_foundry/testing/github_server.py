"""A stand-in for GitHub: the parts of its REST API, uploads and downloads that releases need, in one process.

It follows https://docs.github.com/en/rest/releases, and is stricter where a mistake would go unnoticed: whoever sends
the token to the storage of files, or a file without its length, gets an error.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "ghp_secret0123456789"
REPOSITORY = "ada/models"

Fault = Callable[["Handler"], bool]
"""Answers the request and returns True, or changes something and returns False."""


@dataclass
class Asset:
    number: int
    name: str
    content: bytes
    state: str


@dataclass
class HostedRelease:
    number: int
    values: dict[str, Any]
    assets: dict[str, Asset] = field(default_factory=dict)


class GithubServer(ThreadingHTTPServer):
    """Attributes:
    releases: by number, drafts among them. latest: the number of the one that is marked so.
    digests: whether assets have one; older servers have none.
    faults: a part of a request's line -> what goes wrong at the next requests with it.
    asked: method and path of every request so far.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.releases: dict[int, HostedRelease] = {}
        self.latest: int | None = None
        self.digests = True
        self.about: dict[str, Any] = {"archived": False, "permissions": {"push": True}}
        self.faults: dict[str, deque[Fault]] = {}
        self.asked: list[str] = []
        self.numbers = iter(range(1, 1_000_000))
        self.lock = threading.RLock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def fail(self, part: str, *faults: Fault) -> None:
        self.faults.setdefault(part, deque()).extend(faults)

    def published(self) -> dict[str, dict[str, bytes]]:
        """Tag -> asset -> content, of what everyone can see."""
        return {
            each.values["tag_name"]: {a.name: a.content for a in each.assets.values()}
            for each in self.releases.values()
            if not each.values["draft"]
        }

    def drafts(self) -> list[HostedRelease]:
        return [each for each in self.releases.values() if each.values["draft"]]

    def by_tag(self, tag: str) -> HostedRelease | None:
        found = [
            each
            for each in self.releases.values()
            if each.values["tag_name"] == tag and not each.values["draft"]
        ]
        return found[0] if found else None

    def current(self) -> HostedRelease | None:
        return None if self.latest is None else self.releases[self.latest]

    def state(self) -> object:
        """Everything that a refusal must not change."""
        return (
            self.latest,
            {
                number: (dict(each.values), {a.name: a.content for a in each.assets.values()})
                for number, each in self.releases.items()
            },
        )

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is killed is no error here."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: GithubServer

    def do_GET(self) -> None:
        self._handle()

    do_POST = do_PATCH = do_DELETE = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass

    def answer(self, status: int, value: object = None, **headers: str) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        if status == 204:
            body = b""
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.send_header("Content-Length", str(len(body)))
        # What was not read of a request must not be taken for the next one.
        self.send_header("Connection", "close")
        self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def _handle(self) -> None:
        server = self.server
        line = f"{self.command} {self.path}"
        with server.lock:
            server.asked.append(line)
        with suppress(ConnectionError):
            for part, faults in server.faults.items():
                if part in line and faults and faults.popleft()(self):
                    return
            path = urlsplit(self.path).path
            for pattern, action in _ROUTES:
                match = re.fullmatch(pattern, line.partition("?")[0])
                if match:
                    if path.startswith(("/storage/", f"/{REPOSITORY}/")):
                        if "Authorization" in self.headers:
                            self.answer(400, {"message": "Only one auth mechanism allowed"})
                            return
                    elif self.headers["Authorization"] != f"Bearer {TOKEN}":
                        self.answer(401, {"message": "Bad credentials"})
                        return
                    action(self, *match.groups())
                    return
            self.answer(404, {"message": "Not Found"})

    def shown(self, release: HostedRelease) -> dict[str, Any]:
        number, url = release.number, self.server.url
        return {
            "id": number,
            "upload_url": f"{url}/uploads/repos/{REPOSITORY}/releases/{number}/assets{{?name,label}}",
            **release.values,
        }

    def shown_asset(self, asset: Asset) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(asset.content).hexdigest()}"
        whole = asset.state == "uploaded"
        return {
            "id": asset.number,
            "name": asset.name,
            "size": len(asset.content),
            "state": asset.state,
            "digest": digest if whole and self.server.digests else None,
        }


def _about(handler: Handler) -> None:
    handler.answer(200, {"html_url": f"{handler.server.url}/{REPOSITORY}", **handler.server.about})


def _page(handler: Handler, values: list[dict[str, Any]]) -> None:
    query = parse_qs(urlsplit(handler.path).query)
    size, page = int(query.get("per_page", ["30"])[0]), int(query.get("page", ["1"])[0])
    handler.answer(200, values[(page - 1) * size : page * size])


def _list(handler: Handler) -> None:
    _page(handler, [handler.shown(each) for each in handler.server.releases.values()])


def _assets(handler: Handler, number: str) -> None:
    release = handler.server.releases[int(number)]
    _page(handler, [handler.shown_asset(each) for each in release.assets.values()])


def _one(handler: Handler, release: HostedRelease | None) -> None:
    if release is None:
        handler.answer(404, {"message": "Not Found"})
    else:
        handler.answer(200, handler.shown(release))


def _create(handler: Handler) -> None:
    with handler.server.lock:
        values = {"draft": False, "prerelease": False, "name": None, "body": None, **handler.body()}
        release = HostedRelease(next(handler.server.numbers), values)
        handler.server.releases[release.number] = release
    handler.answer(201, handler.shown(release))


def _change(handler: Handler, number: str) -> None:
    server, values = handler.server, handler.body()
    with server.lock:
        release = server.releases[int(number)]
        latest = values.pop("make_latest", None)
        other = server.by_tag(values.get("tag_name", release.values["tag_name"]))
        if values.get("draft") is False and other not in (None, release):
            errors = [{"resource": "Release", "code": "already_exists", "field": "tag_name"}]
            handler.answer(422, {"message": "Validation Failed", "errors": errors})
            return
        release.values.update(values)
        if latest == "true" and not release.values["draft"]:
            server.latest = release.number
    handler.answer(200, handler.shown(release))


def _upload(handler: Handler, number: str) -> None:
    server = handler.server
    release = server.releases[int(number)]
    (asked,) = parse_qs(urlsplit(handler.path).query)["name"]
    name = re.sub(r"[^A-Za-z0-9._+-]", ".", asked)
    length = handler.headers["Content-Length"]
    if length is None:
        handler.answer(400, {"message": "Bad Content-Length"})
        return
    with server.lock:
        if name in release.assets:
            errors = [{"resource": "ReleaseAsset", "code": "already_exists", "field": "name"}]
            handler.answer(422, {"message": "Validation Failed", "errors": errors})
            return
        asset = Asset(next(server.numbers), name, b"", "starter")
        release.assets[name] = asset
    content = handler.rfile.read(int(length))
    if len(content) == int(length):
        asset.content, asset.state = content, "uploaded"
    handler.answer(201, handler.shown_asset(asset))


def _find_asset(server: GithubServer, number: str) -> tuple[HostedRelease, Asset]:
    return next(
        (release, asset)
        for release in server.releases.values()
        for asset in release.assets.values()
        if asset.number == int(number)
    )


def _download(handler: Handler, number: str) -> None:
    _, asset = _find_asset(handler.server, number)
    if handler.headers["Accept"] != "application/octet-stream":
        handler.answer(200, handler.shown_asset(asset))
        return
    handler.answer(302, b"", Location=f"{handler.server.url}/storage/{number}?signature=x")


def _delete(handler: Handler, number: str) -> None:
    release, asset = _find_asset(handler.server, number)
    with handler.server.lock:
        del release.assets[asset.name]
    handler.answer(204)


def _stored(handler: Handler, number: str) -> None:
    _, asset = _find_asset(handler.server, number)
    start = re.fullmatch(r"bytes=([0-9]+)-", handler.headers["Range"] or "")
    if start:
        total, first = len(asset.content), int(start[1])
        part = asset.content[first:]
        handler.answer(206, part, Content_Range=f"bytes {first}-{total - 1}/{total}")
    else:
        handler.answer(200, asset.content)


def _public(handler: Handler, tag: str, name: str) -> None:
    release = handler.server.by_tag(tag)
    asset = None if release is None else release.assets.get(name)
    if asset is None:
        handler.answer(404, b"Not Found")
    else:
        handler.answer(302, b"", Location=f"/storage/{asset.number}?signature=x")


def _public_latest(handler: Handler, name: str) -> None:
    release = handler.server.current()
    if release is None:
        handler.answer(404, b"Not Found")
    else:
        path = f"/{REPOSITORY}/releases/download/{release.values['tag_name']}/{name}"
        handler.answer(302, b"", Location=path)


_API = f"/api/repos/{REPOSITORY}"
_ROUTES: tuple[tuple[str, Callable[..., None]], ...] = (
    (f"GET {_API}", _about),
    (f"GET {_API}/releases", _list),
    (f"POST {_API}/releases", _create),
    (f"GET {_API}/releases/latest", lambda handler: _one(handler, handler.server.current())),
    (
        f"GET {_API}/releases/tags/([^/]+)",
        lambda handler, tag: _one(handler, handler.server.by_tag(tag)),
    ),
    (
        f"GET {_API}/releases/([0-9]+)",
        lambda handler, number: _one(handler, handler.server.releases.get(int(number))),
    ),
    (f"PATCH {_API}/releases/([0-9]+)", _change),
    (f"GET {_API}/releases/([0-9]+)/assets", _assets),
    (f"GET {_API}/releases/assets/([0-9]+)", _download),
    (f"DELETE {_API}/releases/assets/([0-9]+)", _delete),
    (f"POST /uploads/repos/{REPOSITORY}/releases/([0-9]+)/assets", _upload),
    ("GET /storage/([0-9]+)", _stored),
    (f"GET /{REPOSITORY}/releases/download/([^/]+)/([^/]+)", _public),
    (f"GET /{REPOSITORY}/releases/latest/download/([^/]+)", _public_latest),
)


def status(code: int, message: str = "no", **headers: str) -> Fault:
    """Answer with a status; header names are written with `_` for `-`."""

    def fault(handler: Handler) -> bool:
        handler.answer(code, {"message": message}, **headers)
        return True

    return fault


def other_bytes(value: bytes) -> Fault:
    """Answer with other bytes than those that are asked for."""

    def fault(handler: Handler) -> bool:
        handler.answer(200, value)
        return True

    return fault


def hang_up(handler: Handler) -> bool:
    """Begin to take an upload, and break the connection: GitHub keeps an asset in the state `starter`."""
    match = re.search(r"/releases/([0-9]+)/assets\?name=([^&]+)", handler.path)
    if match and handler.command == "POST":
        release = handler.server.releases[int(match[1])]
        number = next(handler.server.numbers)
        release.assets[match[2]] = Asset(number, match[2], b"", "starter")
    handler.hang_up()
    return True


def take_and_hang_up(handler: Handler) -> bool:
    """Do what was asked, and break the connection before the answer."""
    handler.answer = lambda *arguments, **options: handler.hang_up()  # type: ignore[method-assign]
    return False


@contextmanager
def serve_github() -> Iterator[GithubServer]:
    """GitHub on a free port of this machine, with the API at `/api`."""
    with GithubServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

"""A stand-in for the Hugging Face Hub: the parts of its HTTP API that publishing a tree needs, in one process.

It follows what `huggingface_hub` sends and reads, and the LFS batch API
(https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md). Large files go to a storage that must not see the
token.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_secret0123456789"
REPOSITORY = "ada/models"
LARGE = ".pte"
"""Files with such names are in LFS."""

Fault = Callable[["Handler"], bool]
"""Answers the request and returns True, or changes something and returns False."""


@dataclass(frozen=True)
class Stored:
    content: bytes
    is_large: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def blob(self) -> str:
        """The object id of git: of the pointer, for a large file."""
        data = f"oid sha256:{self.sha256}".encode() if self.is_large else self.content
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@dataclass(frozen=True)
class Commit:
    files: dict[str, Stored]
    message: str
    parent: str | None


class HubServer(ThreadingHTTPServer):
    """Attributes:
    commits: by their ids. tip: that of `main`. tags: name -> commit.
    stored: what was uploaded, by SHA-256.
    faults: a part of a request's line -> what goes wrong at the next requests with it.
    asked: method and path of every request so far.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.commits: dict[str, Commit] = {}
        self.tags: dict[str, str] = {}
        self.stored: dict[str, bytes] = {}
        self.faults: dict[str, deque[Fault]] = {}
        self.asked: list[str] = []
        self.lock = threading.RLock()
        self.tip = self.add(
            Commit({".gitattributes": Stored(b"*.bin filter=lfs", False)}, "", None)
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def add(self, commit: Commit) -> str:
        oid = hashlib.sha1(repr((len(self.commits), commit)).encode()).hexdigest()
        self.commits[oid] = commit
        return oid

    def edit(self, path: str, content: bytes | None) -> None:
        """A commit by someone else that writes a file, or removes it."""
        files = dict(self.commits[self.tip].files)
        if content is None:
            del files[path]
        else:
            files[path] = Stored(content, path.endswith(LARGE))
        self.tip = self.add(Commit(files, "by hand", self.tip))

    def find(self, revision: str) -> str | None:
        if revision == "main":
            return self.tip
        oid = self.tags.get(revision, revision)
        return oid if oid in self.commits else None

    def files(self, revision: str = "main") -> dict[str, bytes]:
        """Path -> content, without git's own files."""
        oid = self.find(revision)
        assert oid is not None
        return {
            path: stored.content
            for path, stored in self.commits[oid].files.items()
            if not path.startswith(".git")
        }

    def fail(self, part: str, *faults: Fault) -> None:
        self.faults.setdefault(part, deque()).extend(faults)

    def state(self) -> object:
        """Everything that a refusal must not change."""
        return self.tip, dict(self.tags), dict(self.commits)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is killed is no error here."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: HubServer

    def do_GET(self) -> None:
        server = self.server
        line = f"{self.command} {unquote(self.path)}"
        with server.lock:
            server.asked.append(line)
        self.content = self.rfile.read(int(self.headers["Content-Length"] or 0))
        with suppress(ConnectionError):
            for part, faults in server.faults.items():
                if part in line and faults and faults.popleft()(self):
                    return
            for pattern, may_read, action in _ROUTES:
                match = re.fullmatch(pattern, line.partition("?")[0])
                if match is None:
                    continue
                given = self.headers["Authorization"]
                if line.split()[1].startswith("/storage/"):
                    if given is not None:
                        self.answer(400, {"error": "Only one auth mechanism allowed"})
                        return
                elif given != f"Bearer {TOKEN}" and not (may_read and given is None):
                    self.answer(401, {"error": "Invalid username or password."})
                    return
                action(self, *match.groups())
                return
            self.answer(404, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")

    do_HEAD = do_POST = do_PUT = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass

    def json(self) -> Any:
        return json.loads(self.content)

    def answer(self, status: int, value: object = None, **headers: str) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        if isinstance(value, dict) and "error" in value:
            self.send_header("X-Error-Message", str(value["error"]))
        for name, text in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def revision(self, name: str) -> Commit | None:
        """The commit; None, once that is said, if there is none."""
        oid = self.server.find(unquote(name))
        if oid is None:
            self.answer(404, {"error": "Invalid rev id"}, X_Error_Code="RevisionNotFound")
            return None
        return self.server.commits[oid]


def _shown(path: str, stored: Stored) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "type": "file",
        "path": path,
        "size": len(stored.content),
        "oid": stored.blob,
    }
    if stored.is_large:
        shown["lfs"] = {"oid": stored.sha256, "size": len(stored.content), "pointerSize": 130}
    return shown


def _refs(handler: Handler) -> None:
    server = handler.server
    main = {"name": "main", "ref": "refs/heads/main", "targetCommit": server.tip}
    tags = [
        {"name": name, "ref": f"refs/tags/{name}", "targetCommit": oid}
        for name, oid in server.tags.items()
    ]
    handler.answer(200, {"branches": [main], "converts": [], "tags": tags})


def _tree(handler: Handler, name: str) -> None:
    """Seven entries a page, folders among them."""
    commit = handler.revision(name)
    if commit is None:
        return
    folders = {path.rpartition("/")[0] for path in commit.files if "/" in path}
    entries = [{"type": "directory", "path": path, "oid": "0" * 40, "size": 0} for path in folders]
    entries += [_shown(path, stored) for path, stored in sorted(commit.files.items())]
    start = int(parse_qs(urlsplit(handler.path).query).get("cursor", ["0"])[0])
    more: dict[str, str] = {}
    if start + 7 < len(entries):
        base = f"{handler.server.url}{urlsplit(handler.path).path}"
        more["Link"] = f'<{base}?recursive=true&cursor={start + 7}>; rel="next"'
    handler.answer(200, entries[start : start + 7], **more)


def _paths_info(handler: Handler, name: str) -> None:
    commit = handler.revision(name)
    if commit is None:
        return
    asked = parse_qs(handler.content.decode()).get("paths")
    paths = asked if asked is not None else handler.json()["paths"]
    handler.answer(
        200, [_shown(path, commit.files[path]) for path in paths if path in commit.files]
    )


def _validate_yaml(handler: Handler) -> None:
    handler.answer(200, {"errors": [], "warnings": []})


def _preupload(handler: Handler, name: str) -> None:
    commit = handler.revision(name)
    if commit is None:
        return
    answers = []
    for file in handler.json()["files"]:
        present = commit.files.get(file["path"])
        is_large = file["path"].endswith(LARGE)
        oid = None
        if present is not None:
            oid = present.sha256 if present.is_large else present.blob
        answers.append(
            {
                "path": file["path"],
                "uploadMode": "lfs" if is_large else "regular",
                "shouldIgnore": False,
                "oid": oid,
            }
        )
    handler.answer(200, {"files": answers})


def _batch(handler: Handler) -> None:
    server = handler.server
    objects: list[dict[str, Any]] = []
    for each in handler.json()["objects"]:
        shown = dict(each)
        if each["oid"] not in server.stored:
            href = f"{server.url}/storage/{each['oid']}"
            verify = {"href": f"{server.url}/{REPOSITORY}/verify"}
            shown["actions"] = {"upload": {"href": href}, "verify": verify}
        objects.append(shown)
    handler.answer(200, {"transfer": "basic", "objects": objects})


def _store(handler: Handler, oid: str) -> None:
    if hashlib.sha256(handler.content).hexdigest() != oid:
        handler.answer(400, {"error": "BadDigest"})
        return
    handler.server.stored[oid] = handler.content
    handler.answer(200)


def _stored(handler: Handler, oid: str) -> None:
    handler.answer(200, handler.server.stored[oid])


def _verify(handler: Handler) -> None:
    asked = handler.json()
    known = handler.server.stored.get(asked["oid"])
    whole = known is not None and len(known) == asked["size"]
    handler.answer(200 if whole else 404, {} if whole else {"error": "not uploaded"})


def _commit(handler: Handler, name: str) -> None:
    server = handler.server
    lines = [json.loads(line) for line in handler.content.splitlines()]
    header, changes = lines[0]["value"], lines[1:]
    with server.lock:
        if header.get("parentCommit") not in (None, server.tip):
            handler.answer(
                412, {"error": "A commit has happened since. Please refresh and try again."}
            )
            return
        files = dict(server.commits[server.tip].files)
        for change in changes:
            key, value = change["key"], change["value"]
            if key == "file":
                files[value["path"]] = Stored(base64.b64decode(value["content"]), False)
            elif key == "lfsFile":
                files[value["path"]] = Stored(server.stored[value["oid"]], True)
            elif key == "deletedFile":
                del files[value["path"]]
            else:
                handler.answer(400, {"error": f"unknown key {key}"})
                return
        message = f"{header['summary']}\n\n{header['description']}"
        server.tip = server.add(Commit(files, message, server.tip))
        url = f"{server.url}/{REPOSITORY}/commit/{server.tip}"
        handler.answer(200, {"commitUrl": url, "commitOid": server.tip})


def _tag(handler: Handler, name: str) -> None:
    tag, oid = handler.json()["tag"], handler.server.find(unquote(name))
    if oid is None:
        handler.answer(404, {"error": "Invalid rev id"}, X_Error_Code="RevisionNotFound")
    elif tag in handler.server.tags:
        handler.answer(409, {"error": "Tag reference exists already"})
    else:
        handler.server.tags[tag] = oid
        handler.answer(200)


def _resolve(handler: Handler, revision: str, path: str) -> None:
    commit = handler.revision(revision)
    if commit is None:
        return
    stored = commit.files.get(path)
    if stored is None:
        handler.answer(404, {"error": "Entry not found"}, X_Error_Code="EntryNotFound")
        return
    about = {"X_Repo_Commit": str(handler.server.find(unquote(revision)))}
    if stored.is_large:
        about |= {"X_Linked_Size": str(len(stored.content)), "X_Linked_Etag": f'"{stored.sha256}"'}
        location = f"{handler.server.url}/storage/{stored.sha256}?signature=x"
        handler.answer(302, b"", Location=location, **about)
    else:
        handler.answer(200, stored.content, ETag=f'"{stored.blob}"', **about)


_API = f"/api/models/{REPOSITORY}"
# The line of the request; whether anyone may read it; what answers it.
_ROUTES: tuple[tuple[str, bool, Callable[..., None]], ...] = (
    (f"GET {_API}/refs", True, _refs),
    (f"GET {_API}/tree/([^/]+)", True, _tree),
    (f"POST {_API}/paths-info/([^/]+)", True, _paths_info),
    ("POST /api/validate-yaml", True, _validate_yaml),
    (f"POST {_API}/preupload/([^/]+)", False, _preupload),
    (f"POST /{REPOSITORY}.git/info/lfs/objects/batch", False, _batch),
    ("PUT /storage/([0-9a-f]+)", True, _store),
    ("GET /storage/([0-9a-f]+)", True, _stored),
    (f"POST /{REPOSITORY}/verify", False, _verify),
    (f"POST {_API}/commit/([^/]+)", False, _commit),
    (f"POST {_API}/tag/([^/]+)", False, _tag),
    (f"(?:GET|HEAD) /{REPOSITORY}/resolve/([^/]+)/(.+)", True, _resolve),
)


def status(code: int, message: str = "no") -> Fault:
    """Answer with a status."""

    def fault(handler: Handler) -> bool:
        handler.answer(code, {"error": message})
        return True

    return fault


def take_and_hang_up(handler: Handler) -> bool:
    """Do what was asked, and break the connection before the answer."""
    handler.answer = lambda *arguments, **options: handler.hang_up()  # type: ignore[method-assign]
    return False


@contextmanager
def serve_hub() -> Iterator[HubServer]:
    """The Hub on a free port of this machine, with one empty repository."""
    with HubServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

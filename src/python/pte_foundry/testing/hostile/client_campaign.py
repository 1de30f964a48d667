"""Fetch from trees and servers that an attacker wrote, and count how each fetch ended."""

from __future__ import annotations

import hashlib
import json
import os
import random
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pte_foundry.client.catalogue import open_catalogue
from pte_foundry.client.errors import ClientError
from pte_foundry.client.retrying import Retrying
from pte_foundry.index.versions import versions_document
from pte_foundry.testing import faulty_server
from pte_foundry.testing.faulty_server import Fault, FaultyServer, Handler, direct_session
from pte_foundry.testing.hostile.mutated_json import mutated
from pte_foundry.testing.published_tree import FAMILY, MODEL, VERSION, sample_index

BAD = "!"
"""How an ending begins that must never happen."""

_NAME = f"{MODEL}_xnnpack.pte"
_PROGRAM = random.Random(0).randbytes(5_000)
_PATH = f"/{VERSION}/{FAMILY}/{_NAME}"
_LABELS = b"tench"
_NUMBERS = (
    b"-5",
    b"5, 6",
    b"9" * 5_000,
    b"0",
    b"4999",
    b"5001",
    b"\xb2",
    b"x",
    b"",
    b"1e3",
    b"+5000",
)
_LINES = (
    b"SSH-2.0-OpenSSH",
    b"",
    b"HTTP/9.9 200 OK",
    b"HTTP/1.1 99999 OK",
    b"HTTP/1.1 000 OK",
    b"HTTP/1.1 200",
    b"HTTP/1.1 204 No",
    b"HTTP/1.1 206 P",
    b"HTTP/1.1 304 N",
    b"HTTP/1.1 416 N",
    b"HTTP/1.1 503 \x1b[2J",
    b"HTTP/1.1 404 \xff",
)
_LOCATIONS = (
    b"http://example.org/x",
    b"file:///etc/passwd",
    b"//evil.invalid/x",
    b"\\\\evil\\x",
    b"",
    b"?",
    b"../../../x",
    b"https://[::1/x",
    b"https://[x]/",
    b"https://a..b/",
    b"https://" + b"a" * 300 + b"/x",
    b"http://127.0.0.1:99999/",
    b"https://127.0.0.1:1/\xff\xfe",
    b"http://u:p@127.0.0.1/x",
    b"http://127.0.0.1:1/x",
    b"\x1b[2J",
    b"http://[::ffff:0:0]/",
)
_CHUNKS = (
    b"-5\r\nabc\r\n0\r\n\r\n",
    b"ZZZ\r\nabc",
    b"F" * 30 + b"\r\nabc",
    b"\r\n",
    b"5;" + b"x" * 70_000 + b"\r\nabcde\r\n0\r\n\r\n",
)
_HEADERS = (
    b"Content-Encoding: gzip",
    b"Content-Encoding: identity, gzip",
    b'ETag: "a\r\n b"',
    b'ETag: "' + b"a" * 60_000 + b'"',
    b'ETag: "a\rX: y"',
    b"Retry-After: " + b"9" * 5_000,
    b"Retry-After: -1",
    b"X: " + b"a" * 200_000,
    b"nothing",
    b"\xff\xfe: x",
    b"Set-Cookie: \xff",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: chunked, chunked",
    b"Content-Length: 7",
    *(b"\r\n".join(b"X-%d: y" % number for number in range(200)),),
)
_RANGES = (
    b"bytes 0-4999/5000",
    b"bytes 1000-4999/9999999",
    b"bytes 1000-4999/" + b"9" * 5_000,
    b"bytes " + b"9" * 5_000 + b"-1/5",
    b"garbage",
    b"",
    b"bytes 1000-999/5000",
    b"bytes \xb2-3/5",
    b"bytes 1000-4999/*",
    b"bytes 1000-4999/5000",
)


def run_campaign(seed: int, count: int) -> Counter[str]:
    """Try `count` hostile inputs; return how many of them ended in each way.

    Half of them are trees whose versions or index were changed, from a server and from a folder; half are servers that
    answer for the program with no sound HTTP. The ending is `fetched` (the right bytes, from within the cache), the
    kind of a `ClientError`, or, beginning with `BAD`, another exception, other bytes, a file outside the cache, or a
    message that is long or would steer a terminal.
    """
    chance = random.Random(seed)
    endings: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch, faulty_server.serve({}) as server:
        for number in range(count):
            folder = Path(scratch, str(number))
            folder.mkdir()
            if number % 2:
                change_documents(chance, server)
            else:
                server.files = _files()
                server.fail(_PATH, *[misbehaviour(chance) for _ in range(3)])
            location: str | Path = server.url()
            if number % 4 == 1:
                location = _on_disk(server, folder / "tree")
            endings[_fetch(location, folder)] += 1
            server.faults.clear()
    return endings


def change_documents(chance: random.Random, server: FaultyServer) -> None:
    """Let the server have a tree with another index or other versions."""
    server.files = _files()
    path = chance.choice(("/versions.json", *[f"/{VERSION}/index.json"] * 5))
    server.files[path] = mutated(chance, json.loads(server.files[path]))


def misbehaviour(chance: random.Random) -> Fault:
    """An answer that is no sound HTTP, or not for what was asked."""
    head, body = chance.choice(_ANSWERS)(chance)

    def fault(handler: Handler, _: bytes) -> None:
        handler.close_connection = True
        handler.wfile.write(head + b"\r\nConnection: close\r\n\r\n" + body)

    return fault


def _any_line(chance: random.Random) -> tuple[bytes, bytes]:
    return chance.choice(_LINES), _PROGRAM


def _any_length(chance: random.Random) -> tuple[bytes, bytes]:
    return b"HTTP/1.1 200 OK\r\nContent-Length: " + chance.choice(_NUMBERS), _PROGRAM


def _redirection(chance: random.Random) -> tuple[bytes, bytes]:
    return b"HTTP/1.1 302 F\r\nContent-Length: 0\r\nLocation: " + chance.choice(_LOCATIONS), b""


def _chunked(chance: random.Random) -> tuple[bytes, bytes]:
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", chance.choice(_CHUNKS)


def _any_header(chance: random.Random) -> tuple[bytes, bytes]:
    return b"HTTP/1.1 200 OK\r\n" + chance.choice(_HEADERS), chance.choice(
        (_PROGRAM, _PROGRAM[:1000])
    )


def _cut_off(chance: random.Random) -> tuple[bytes, bytes]:
    return b'HTTP/1.1 200 OK\r\nETag: "a"\r\nContent-Length: 5000', _PROGRAM[:1000]


def _any_range(chance: random.Random) -> tuple[bytes, bytes]:
    head = b"HTTP/1.1 206 P\r\nContent-Range: " + chance.choice(_RANGES)
    return head, chance.choice((_PROGRAM[1000:], b"z" * 4_000, _PROGRAM, b"", b"z" * 100_000))


def _other_bytes(chance: random.Random) -> tuple[bytes, bytes]:
    return b"HTTP/1.1 200 OK", chance.choice((b"", b"z" * 5_000, b"z" * 10_000_000, b"<html>"))


def _noise(chance: random.Random) -> tuple[bytes, bytes]:
    return chance.randbytes(chance.randrange(1, 500)), chance.randbytes(100)


_ANSWERS: tuple[Callable[[random.Random], tuple[bytes, bytes]], ...] = (
    _any_line,
    _any_length,
    _redirection,
    _chunked,
    _any_header,
    _cut_off,
    _cut_off,
    _any_range,
    _any_range,
    *(_other_bytes, _noise),
)


def _files() -> dict[str, bytes]:
    """A sound tree with one program."""
    index = dict(_INDEX)
    return {
        "/versions.json": json.dumps(versions_document([VERSION])).encode(),
        f"/{VERSION}/index.json": json.dumps(index).encode(),
        _PATH: _PROGRAM,
        f"/{VERSION}/{FAMILY}/labels.txt": _LABELS,
    }


def _small_index() -> dict[str, Any]:
    index = sample_index()
    index["models"] = [entry for entry in index["models"] if entry["name"] == _NAME]
    for entry, content in ((index["models"][0], _PROGRAM), (index["labels"][0], _LABELS)):
        entry.update(hash=hashlib.sha256(content).hexdigest(), size=len(content))
    return index


_INDEX = _small_index()


def _on_disk(server: FaultyServer, root: Path) -> Path:
    for path, content in server.files.items():
        (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        (root / path[1:]).write_bytes(content)
    return root


def _fetch(location: str | Path, folder: Path) -> str:
    cache = folder / "cache"
    try:
        catalogue = open_catalogue(
            location,
            cache=cache,
            session=direct_session(),
            retrying=Retrying(attempts=4, sleep=lambda _: None),
        )
        artifact = catalogue.best(MODEL, "linux")
        path = catalogue.fetch(artifact)
        labels = catalogue.fetch_labels(artifact)
        sound = path.read_bytes() == _PROGRAM and (labels is None or labels.read_bytes() == _LABELS)
        ending = "fetched" if sound and cache in path.parents else f"{BAD}other bytes"
    except ClientError as error:
        told = str(error)
        ending = error.kind if told.isprintable() and len(told) < 5_000 else f"{BAD}bad message"
    except Exception as error:
        ending = f"{BAD}{type(error).__name__}: {ascii(error)[:200]}"
    if set(os.listdir(folder)) - {"cache", "tree"}:
        return f"{BAD}wrote outside of the cache"
    return ending

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from pte_foundry.client.content import Content
from pte_foundry.client.download import Progress, download
from pte_foundry.client.errors import DownloadError, WrongContentError
from pte_foundry.client.http_client import HttpClient
from pte_foundry.client.partial import Partial
from pte_foundry.client.retrying import Retrying
from pte_foundry.testing import faulty_server
from pte_foundry.testing.faulty_server import FaultyServer, cut, direct_session, other_range, status

DATA = random.Random(1).randbytes(1_000_003)  # Several blocks, the last one short.
OTHER = random.Random(2).randbytes(len(DATA))
CUT = 300_000
KEPT = 262_144  # Of CUT bytes: one whole block.
CONTENT = Content(hashlib.sha256(DATA).hexdigest(), len(DATA))
PATH = "/a.pte"


@pytest.fixture()
def server() -> Iterator[FaultyServer]:
    with faulty_server.serve({PATH: DATA}) as running:
        yield running


@pytest.fixture()
def partial(tmp_path: Path) -> Partial:
    return Partial(tmp_path / "partial", CONTENT)


def ignore(_done: int, _total: int) -> None:
    pass


def fetch(
    server: FaultyServer, partial: Partial, attempts: int = 5, progress: Progress = ignore
) -> list[float]:
    """Download, and return the delays between the attempts."""
    slept: list[float] = []
    retrying = Retrying(attempts=attempts, sleep=slept.append)
    download(HttpClient(direct_session()), server.url(PATH), partial, retrying, progress)
    assert partial.path.read_bytes() == DATA
    return slept


def ranges(server: FaultyServer) -> list[str | None]:
    return [asked.range for asked in server.asked_for(PATH)]


def begin(server: FaultyServer, partial: Partial, content: bytes, validator: str | None) -> None:
    """What an earlier process left."""
    partial.begin(server.url(PATH), validator)
    partial.append(content)


def test_a_file_comes_whole_with_progress(server: FaultyServer, partial: Partial) -> None:
    steps: list[tuple[int, int]] = []
    assert fetch(server, partial, progress=lambda *step: steps.append(step)) == []
    assert steps[0] == (0, len(DATA))
    assert steps[-1] == (len(DATA), len(DATA))
    assert len(steps) > 3
    assert ranges(server) == [None]


def test_a_complete_file_is_not_requested(server: FaultyServer, partial: Partial) -> None:
    begin(server, partial, DATA, None)
    fetch(server, partial)
    assert server.asked == []


def test_a_cut_off_download_is_resumed(server: FaultyServer, partial: Partial) -> None:
    server.fail(PATH, cut(CUT), cut(CUT))
    assert fetch(server, partial) == [0.5, 1.0]
    assert ranges(server) == [None, f"bytes={KEPT}-", f"bytes={2 * KEPT}-"]
    tags = [asked.if_range for asked in server.asked_for(PATH)]
    assert tags == [None, faulty_server.etag(DATA), faulty_server.etag(DATA)]


def test_another_call_resumes(server: FaultyServer, partial: Partial) -> None:
    server.fail(PATH, cut(CUT))
    with pytest.raises(DownloadError, match="attempt 1: .*is kept"):
        fetch(server, partial, attempts=1)
    fetch(server, Partial(partial.path, CONTENT), attempts=1)
    assert ranges(server) == [None, f"bytes={KEPT}-"]


def test_an_end_before_the_end_is_noticed_without_a_length(
    server: FaultyServer, partial: Partial
) -> None:
    server.fail(PATH, faulty_server.truncated(CUT))
    assert len(fetch(server, partial)) == 1
    assert ranges(server) == [None, f"bytes={CUT}-"]


def test_a_server_that_ignores_ranges_sends_all_again(
    server: FaultyServer, partial: Partial
) -> None:
    server.fail(PATH, cut(CUT), faulty_server.without_ranges)
    assert len(fetch(server, partial)) == 1


def test_a_file_that_changed_in_between_comes_whole(server: FaultyServer, partial: Partial) -> None:
    begin(server, partial, OTHER[:CUT], faulty_server.etag(OTHER))
    fetch(server, partial)
    assert [asked.if_range for asked in server.asked] == [faulty_server.etag(OTHER)]


def test_parts_that_do_not_fit_are_thrown_away(server: FaultyServer, partial: Partial) -> None:
    # No validator: only the hash tells.
    begin(server, partial, OTHER[:CUT], None)
    assert len(fetch(server, partial)) == 1
    assert ranges(server) == [f"bytes={CUT}-", None]
    assert server.asked[0].if_range is None


def test_a_weak_validator_is_not_used(server: FaultyServer, partial: Partial) -> None:
    server.fail(
        PATH,
        lambda handler, content: faulty_server.answer(
            handler, 200, content, {"ETag": 'W/"1"', "Last-Modified": "yesterday"}, sent=CUT
        ),
        faulty_server.behave,
    )
    fetch(server, partial)
    assert server.asked[1].if_range == "yesterday"


def test_416_begins_again(server: FaultyServer, partial: Partial) -> None:
    begin(server, partial, DATA[:CUT], faulty_server.etag(DATA))
    server.fail(PATH, status(416))
    assert len(fetch(server, partial)) == 1
    assert ranges(server) == [f"bytes={CUT}-", None]


def test_416_without_a_range_is_an_error(server: FaultyServer, partial: Partial) -> None:
    server.fail(PATH, status(416))
    with pytest.raises(DownloadError, match="HTTP 416"):
        fetch(server, partial)


def test_too_much_from_an_earlier_download_is_thrown_away(
    server: FaultyServer, partial: Partial
) -> None:
    begin(server, partial, DATA + b"x", None)
    fetch(server, partial)
    assert ranges(server) == [None]


def test_another_range_than_the_one_asked_for_begins_again(
    server: FaultyServer, partial: Partial
) -> None:
    begin(server, partial, DATA[:CUT], None)
    server.fail(PATH, other_range(CUT - 1))
    assert len(fetch(server, partial)) == 1
    assert ranges(server) == [f"bytes={CUT}-", None]


def test_a_range_that_nobody_asked_for_is_an_error(server: FaultyServer, partial: Partial) -> None:
    server.fail(PATH, other_range(5))
    with pytest.raises(DownloadError, match="an unrequested range"):
        fetch(server, partial)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (OTHER, "does not have the SHA-256"),
        (DATA + b"x", f"has {len(DATA) + 1} bytes"),
        (DATA[:-1], f"has {len(DATA) - 1} bytes"),
    ],
    ids=["other", "longer", "shorter"],
)
def test_the_wrong_file_is_an_error_and_not_kept(
    server: FaultyServer, partial: Partial, content: bytes, told: str
) -> None:
    server.files[PATH] = content
    with pytest.raises(WrongContentError, match=told):
        fetch(server, partial)
    assert not partial.path.exists()
    assert len(server.asked) == 1


def test_an_endless_file_is_not_read_to_its_end(server: FaultyServer, partial: Partial) -> None:
    def endless(handler: faulty_server.Handler, content: bytes) -> None:
        headers = {"Content-Length": "", "Connection": "close"}
        faulty_server.answer(handler, 200, content * 50, headers, sent=len(content) * 50)

    server.fail(PATH, endless)
    most = 0

    def remember(done: int, _total: int) -> None:
        nonlocal most
        most = max(most, done)

    with pytest.raises(WrongContentError, match="more than"):
        fetch(server, partial, progress=remember)
    assert most <= len(DATA)
    assert not partial.path.exists()


@pytest.mark.parametrize(
    ("beginning", "told"),
    [(b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"), (b"<html>", "web page")],
)
def test_a_recognised_wrong_file_is_named(
    server: FaultyServer, partial: Partial, beginning: bytes, told: str
) -> None:
    server.files[PATH] = beginning.ljust(len(DATA))
    with pytest.raises(WrongContentError, match=told):
        fetch(server, partial)


def test_a_full_disk_keeps_what_arrived(
    server: FaultyServer, partial: Partial, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = Partial.append

    def full(self: Partial, block: bytes) -> None:
        if self.size:
            raise OSError(28, "No space left on device")
        append(self, block)

    monkeypatch.setattr(Partial, "append", full)
    with pytest.raises(OSError, match="No space left"):
        fetch(server, partial)
    assert len(server.asked) == 1
    monkeypatch.undo()
    fetch(server, partial)
    assert ranges(server)[1] == f"bytes={KEPT}-"


def raw(head: bytes, body: bytes = b"") -> faulty_server.Fault:
    """Send exactly this."""

    def fault(handler: faulty_server.Handler, _: bytes) -> None:
        handler.close_connection = True
        handler.wfile.write(head + b"\r\nConnection: close\r\n\r\n" + body)

    return fault


DIGITS = b"9" * 5_000


@pytest.mark.parametrize(
    "fault",
    [
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", b"-5\r\nabc\r\n0\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", b"ZZZ\r\nabc"),
        raw(b"HTTP/1.1 206 P\r\nContent-Range: bytes " + DIGITS + b"-1/5", b"x"),
        raw(b"HTTP/1.1 206 P\r\nContent-Range: bytes 1-2/" + DIGITS, b"x"),
        raw(b"HTTP/1.1 503 X\r\nRetry-After: " + DIGITS),
        raw(b"SSH-2.0-OpenSSH"),
    ],
    ids=["negative-chunk", "no-chunk", "long-start", "long-size", "long-wait", "ssh"],
)
def test_malformed_http_is_retried(
    server: FaultyServer, partial: Partial, fault: faulty_server.Fault
) -> None:
    server.fail(PATH, cut(CUT), fault)
    assert len(fetch(server, partial)) == 2


@pytest.mark.parametrize(
    "length", [DIGITS, b"-5", b"\xb2", b"x"], ids=["long", "negative", "superscript", "letter"]
)
def test_a_malformed_length_is_ignored(
    server: FaultyServer, partial: Partial, length: bytes
) -> None:
    server.fail(PATH, raw(b"HTTP/1.1 200 OK\r\nContent-Length: " + length, DATA))
    fetch(server, partial)


@pytest.mark.parametrize(
    "tag",
    [b'"a\r\n b"', b'"\xff"', b'"' + b"a" * 60_000 + b'"', b'"a\rX: y"'],
    ids=["two-lines", "not-ascii", "long", "two-headers"],
)
def test_a_malformed_etag_is_not_sent_back(
    server: FaultyServer, partial: Partial, tag: bytes
) -> None:
    head = b"HTTP/1.1 200 OK\r\nETag: " + tag + b"\r\nContent-Length: %d" % len(DATA)
    server.fail(PATH, raw(head, DATA[:CUT]))
    fetch(server, partial)
    assert [asked.if_range for asked in server.asked_for(PATH)][1:] == [None]

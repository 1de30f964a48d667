from __future__ import annotations

import random
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pte_foundry.fetching.download import DownloadFailed, PartialDownload, download, url_opener
from pte_foundry.testing import faulty_server
from pte_foundry.testing.faulty_server import FaultyServer, cut, other_range, status

DATA = random.Random(1).randbytes(2_500_003)  # Several blocks, the last one short.
OTHER = random.Random(2).randbytes(len(DATA))
CUT = 1_200_000
PATH = "/a.pth"


@pytest.fixture()
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with faulty_server.serve({PATH: DATA}) as running:
        yield running


@pytest.fixture()
def partial(tmp_path: Path) -> PartialDownload:
    return PartialDownload(tmp_path / "partial")


def fetch(url: str, partial: PartialDownload, size: int | None = len(DATA)) -> list[float]:
    """Download, and return the seconds between the attempts."""
    slept: list[float] = []
    steps: list[tuple[int, int]] = []
    download(url, partial, size, url_opener(None), lambda *step: steps.append(step), slept.append)
    assert steps == sorted(steps) or len(slept) > 0
    assert {whole for _, whole in steps} <= {len(DATA)}
    return slept


def ranges(server: FaultyServer) -> list[str | None]:
    return [asked.range for asked in server.asked_for(PATH)]


def test_a_file_comes_whole(server: FaultyServer, partial: PartialDownload) -> None:
    assert fetch(server.url(PATH), partial) == []
    assert partial.path.read_bytes() == DATA
    assert [asked.encoding for asked in server.asked] == ["identity"]


def test_progress_is_called_with_the_bytes_so_far(
    server: FaultyServer, partial: PartialDownload
) -> None:
    steps: list[int] = []
    open_url = url_opener(None)
    download(server.url(PATH), partial, len(DATA), open_url, lambda done, _: steps.append(done))
    assert steps[0] == 0 and steps[-1] == len(DATA) and len(steps) > 3


def test_a_size_that_is_not_known_is_the_hosts(
    server: FaultyServer, partial: PartialDownload
) -> None:
    server.fail(PATH, status(503), faulty_server.behave, cut(CUT), status(503))
    assert fetch(server.url(PATH), partial, size=None) == [1.0, 1.0, 2.0]
    assert partial.path.read_bytes() == DATA
    assert ranges(server) == [None, None, None, f"bytes={CUT}-", f"bytes={CUT}-"]


def test_a_host_that_does_not_say_the_size(server: FaultyServer, partial: PartialDownload) -> None:
    server.fail(PATH, faulty_server.truncated(CUT))
    with pytest.raises(DownloadFailed, match="^the host does not say how long the file is$"):
        fetch(server.url(PATH), partial, size=None)
    assert partial.size == 0


def test_what_is_kept_of_a_file_of_unknown_size(
    server: FaultyServer, partial: PartialDownload
) -> None:
    partial.begin(server.url(PATH), None)
    partial.path.write_bytes(DATA[:CUT])
    server.fail(PATH, *[status(503)] * 5)
    with pytest.raises(DownloadFailed, match=f"5 times in a row; {CUT} bytes are kept$"):
        fetch(server.url(PATH), partial, size=None)


def test_a_cut_off_download_goes_on_where_it_ended(
    server: FaultyServer, partial: PartialDownload
) -> None:
    server.fail(PATH, cut(CUT), cut(CUT))
    assert fetch(server.url(PATH), partial) == [1.0, 1.0]
    assert partial.path.read_bytes() == DATA
    assert ranges(server) == [None, f"bytes={CUT}-", f"bytes={2 * CUT}-"]
    tag = faulty_server.etag(DATA)
    assert [asked.if_range for asked in server.asked] == [None, tag, tag]


def test_another_process_goes_on(server: FaultyServer, partial: PartialDownload) -> None:
    server.fail(PATH, cut(CUT), *[status(503)] * 5)
    with pytest.raises(DownloadFailed, match=f"HTTP 503 .*5 times in a row; {CUT} of"):
        fetch(server.url(PATH), partial)
    fetch(server.url(PATH), PartialDownload(partial.path))
    assert partial.path.read_bytes() == DATA
    assert ranges(server)[-1] == f"bytes={CUT}-"


def test_a_mirror_goes_on_without_the_validator_of_another(
    server: FaultyServer, partial: PartialDownload
) -> None:
    partial.begin("https://example.org/a.pth", '"other"')
    partial.path.write_bytes(DATA[:CUT])
    fetch(server.url(PATH), partial)
    assert partial.path.read_bytes() == DATA
    assert [asked.if_range for asked in server.asked] == [None]


def test_a_file_that_changed_in_between_comes_whole(
    server: FaultyServer, partial: PartialDownload
) -> None:
    partial.begin(server.url(PATH), faulty_server.etag(OTHER))
    partial.path.write_bytes(OTHER[:CUT])
    fetch(server.url(PATH), partial)
    assert partial.path.read_bytes() == DATA


def test_a_server_without_ranges_sends_all_again(
    server: FaultyServer, partial: PartialDownload
) -> None:
    server.fail(PATH, cut(CUT), faulty_server.without_ranges)
    fetch(server.url(PATH), partial)
    assert partial.path.read_bytes() == DATA


@pytest.mark.parametrize("fault", [status(416), other_range(CUT - 1)], ids=["416", "other-range"])
def test_what_cannot_be_continued_begins_again(
    server: FaultyServer, partial: PartialDownload, fault: faulty_server.Fault
) -> None:
    server.fail(PATH, cut(CUT), fault)
    fetch(server.url(PATH), partial)
    assert partial.path.read_bytes() == DATA
    assert ranges(server) == [None, f"bytes={CUT}-", None]


@pytest.mark.parametrize("code", [403, 404, 410])
def test_a_refusal_is_final(server: FaultyServer, partial: PartialDownload, code: int) -> None:
    server.fail(PATH, status(code))
    with pytest.raises(DownloadFailed, match=f"HTTP {code}"):
        fetch(server.url(PATH), partial)
    assert len(server.asked) == 1


def test_attempts_are_counted_anew_when_something_arrives(
    server: FaultyServer, partial: PartialDownload
) -> None:
    server.fail(PATH, *[status(503)] * 4, cut(CUT), *[status(503)] * 3)
    assert fetch(server.url(PATH), partial) == [1.0, 2.0, 4.0, 8.0, 1.0, 2.0, 4.0, 8.0]
    assert partial.path.read_bytes() == DATA


@pytest.mark.parametrize("content", [DATA[:-1], DATA + b"x"], ids=["shorter", "longer"])
def test_a_file_of_another_size_is_refused_before_it_is_read(
    server: FaultyServer, partial: PartialDownload, content: bytes
) -> None:
    server.files[PATH] = content
    with pytest.raises(DownloadFailed, match=f"has {len(content)} bytes, expected {len(DATA)}"):
        fetch(server.url(PATH), partial)
    assert partial.size == 0


def test_an_endless_file_is_not_read_to_its_end(
    server: FaultyServer, partial: PartialDownload
) -> None:
    def endless(handler: faulty_server.Handler, content: bytes) -> None:
        headers = {"Content-Length": "", "Connection": "close"}
        faulty_server.answer(handler, 200, content * 50, headers, sent=len(content) * 50)

    server.fail(PATH, endless)
    with pytest.raises(DownloadFailed, match="more than"):
        fetch(server.url(PATH), partial)
    assert not partial.path.exists()


def test_a_web_page_is_named(server: FaultyServer, partial: PartialDownload) -> None:
    page = b"<html>sign in</html>"
    server.fail(
        PATH,
        lambda handler, _: faulty_server.answer(
            handler, 200, page, {"Content-Type": "text/html; charset=utf-8"}
        ),
    )
    with pytest.raises(DownloadFailed, match=f"a web page of {len(page)} bytes"):
        fetch(server.url(PATH), partial)


def test_redirections_to_another_host_keep_the_range(
    server: FaultyServer, partial: PartialDownload
) -> None:
    with faulty_server.serve({"/store/abc": DATA}) as store:
        signed = store.url("/store/abc?X-Expires=60&signature=0a")
        server.fail(PATH, *[status(302, Location=signed)] * 2)
        store.fail("/store/abc", cut(CUT))
        fetch(server.url(PATH), partial)
        assert partial.path.read_bytes() == DATA
        assert [asked.range for asked in store.asked] == [None, f"bytes={CUT}-"]
        # The ETag of the file, not of the redirection.
        assert store.asked[1].if_range == faulty_server.etag(DATA)


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/a.pth"])
def test_a_redirection_out_of_http_is_refused(
    server: FaultyServer, partial: PartialDownload, location: str
) -> None:
    server.fail(PATH, status(302, Location=location))
    with pytest.raises(DownloadFailed, match="HTTP 302|unknown url type"):
        fetch(server.url(PATH), partial)
    assert partial.size == 0


def test_nobody_answers(partial: PartialDownload, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(DownloadFailed, match="no connection .*refused.*5 times in a row$"):
        fetch("http://127.0.0.1:1/a.pth", partial)


def test_a_certificate_that_is_not_trusted_is_final(partial: PartialDownload) -> None:
    def untrusted(_: urllib.request.Request) -> Any:
        raise urllib.error.URLError(ssl.SSLCertVerificationError("self-signed"))

    with pytest.raises(DownloadFailed, match="not trusted"):
        download("https://a.example/a.pth", partial, 1, untrusted, lambda *_: None)


@pytest.mark.parametrize("name", ["a.pth", "with space", "100%41", "a#b", "ä"])
def test_a_file_of_this_machine(partial: PartialDownload, tmp_path: Path, name: str) -> None:
    from urllib.parse import quote

    (tmp_path / name).write_bytes(DATA)
    assert fetch(f"file:{quote(str(tmp_path / name))}", partial) == []
    assert partial.path.read_bytes() == DATA


@pytest.mark.parametrize("url", ["file:/nonexistent/a", "gopher://a/b", "a.pth", "http://[::1"])
def test_addresses_that_cannot_work_are_not_tried_again(partial: PartialDownload, url: str) -> None:
    with pytest.raises(DownloadFailed):
        fetch(url, partial)


@pytest.mark.parametrize("record", [b"", b"[]", b'{"url": 1}', b"\xff", b'{"url": "u"}'])
def test_a_damaged_record_is_as_good_as_none(partial: PartialDownload, record: bytes) -> None:
    partial.begin("u", '"a"')
    assert partial.validator("u") == '"a"'
    partial.path.with_name("partial.json").write_bytes(record)
    assert partial.validator("u") is None

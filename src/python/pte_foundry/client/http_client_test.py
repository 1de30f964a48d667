from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from pte_foundry.client.errors import DownloadError, InsecureAddressError, WrongContentError
from pte_foundry.client.http_client import HttpClient
from pte_foundry.client.retrying import Retrying
from pte_foundry.testing import faulty_server
from pte_foundry.testing.faulty_server import FaultyServer, cut, direct_session, status

DATA = bytes(range(256)) * 2000
PATH = "/a.pte"


@pytest.fixture()
def server() -> Iterator[FaultyServer]:
    with faulty_server.serve({PATH: DATA}) as running:
        yield running


def fetch(server: FaultyServer, attempts: int = 5) -> list[float]:
    """Read the file, and return the delays between the attempts."""
    slept: list[float] = []
    client = HttpClient(direct_session())
    retrying = Retrying(attempts=attempts, sleep=slept.append)
    assert retrying.run("a.pte", lambda: client.read(server.url(PATH), len(DATA))) == DATA
    return slept


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(server: FaultyServer, code: int) -> None:
    server.fail(PATH, status(code), status(code, Retry_After="7"))
    assert fetch(server) == [0.5, 7.0]


def test_a_server_that_stays_busy_is_left_alone(server: FaultyServer) -> None:
    server.fail(PATH, *[status(503)] * 9)
    with pytest.raises(DownloadError, match="attempt 3: .*HTTP 503") as caught:
        fetch(server, attempts=3)
    assert type(caught.value) is DownloadError
    assert len(server.asked) == 3


@pytest.mark.parametrize("code", [401, 403, 404, 410, 501])
def test_a_refusal_is_final(server: FaultyServer, code: int) -> None:
    server.fail(PATH, status(code))
    with pytest.raises(DownloadError, match=f"HTTP {code}"):
        fetch(server)
    assert len(server.asked) == 1


def test_files_are_asked_for_as_they_are(server: FaultyServer) -> None:
    assert fetch(server) == []
    assert [asked.encoding for asked in server.asked] == ["identity"]


def test_a_compressed_answer_is_an_error(server: FaultyServer) -> None:
    server.fail(PATH, status(200, Content_Encoding="gzip"))
    with pytest.raises(DownloadError, match="compresses"):
        fetch(server)


def test_redirections_are_followed(server: FaultyServer) -> None:
    server.files["/b.pte"] = DATA
    server.fail(PATH, status(302, Location="/b.pte"))
    fetch(server)
    assert [asked.path for asked in server.asked] == [PATH, "/b.pte"]


def test_a_loop_of_redirections_ends(server: FaultyServer) -> None:
    server.fail(PATH, *[status(307, Location=PATH)] * 99)
    with pytest.raises(DownloadError, match="more than 5 redirections"):
        fetch(server)
    assert len(server.asked) == 6


@pytest.mark.parametrize(
    "location", ["http://example.org/a.pte", "file:///etc/passwd", "/a/%2e%2e/b"]
)
def test_a_redirection_to_an_insecure_address_is_refused(
    server: FaultyServer, location: str
) -> None:
    server.fail(PATH, status(301, Location=location))
    with pytest.raises(InsecureAddressError, match="the redirection of"):
        fetch(server)
    assert len(server.asked) == 1


class HttpsInDisguise(requests.adapters.HTTPAdapter):
    """Asks the test's server for what an https address names."""

    def __init__(self, server: FaultyServer) -> None:
        super().__init__()
        self._server = server

    def send(
        self, request: requests.PreparedRequest, *args: Any, **named: Any
    ) -> requests.Response:
        assert request.url is not None
        request.url = self._server.url(urlsplit(request.url).path)
        return super().send(request, *args, **named)


def test_no_redirection_leads_from_https_to_http(server: FaultyServer) -> None:
    disguised = direct_session()
    disguised.mount("https://", HttpsInDisguise(server))
    client = HttpClient(disguised)
    server.files["/b.pte"] = DATA
    url = f"https://example.org{PATH}"
    server.fail(PATH, status(302, Location=server.url("/b.pte")))
    with pytest.raises(InsecureAddressError, match="leaves https"):
        client.read(url, len(DATA))
    assert [asked.path for asked in server.asked] == [PATH]
    server.fail(PATH, status(302, Location="https://other.example.org/b.pte"))
    assert client.read(url, len(DATA)) == DATA


def test_a_server_that_is_not_there_is_asked_again() -> None:
    client = HttpClient(direct_session())
    retrying = Retrying(attempts=2, sleep=lambda _: None)
    with pytest.raises(DownloadError, match="attempt 2: .*refused"):
        retrying.run("a.pte", lambda: client.read("http://127.0.0.1:1/a.pte", 1))


def test_more_than_the_limit_is_not_read(server: FaultyServer) -> None:
    client = HttpClient(direct_session())
    with pytest.raises(WrongContentError, match=f"more than {len(DATA) - 1} bytes"):
        client.read(server.url(PATH), len(DATA) - 1)


def test_a_broken_connection_is_tried_again_from_the_beginning(server: FaultyServer) -> None:
    server.fail(PATH, cut(1000))
    assert fetch(server) == [0.5]
    assert [asked.range for asked in server.asked] == [None, None]


def test_a_certificate_that_is_not_trusted_is_final(server: FaultyServer) -> None:
    class Untrusted(requests.adapters.HTTPAdapter):
        def send(self, *_: Any, **__: Any) -> requests.Response:
            raise requests.exceptions.SSLError("self-signed certificate")

    disguised = direct_session()
    disguised.mount("https://", Untrusted())
    with pytest.raises(DownloadError, match="REQUESTS_CA_BUNDLE"):
        HttpClient(disguised).read("https://example.org/a.pte", 1)

"""What a caller's session carries goes to the origin that the caller named, and to nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from pte_foundry.client.catalogue import open_catalogue
from pte_foundry.client.http_client import HttpClient
from pte_foundry.client.retrying import Retrying
from pte_foundry.records.json_files import canonical_json
from pte_foundry.testing import faulty_server
from pte_foundry.testing.faulty_server import FaultyServer, cut, status
from pte_foundry.testing.published_tree import (
    FAMILY,
    MODEL,
    VERSION,
    program_bytes,
    sample_index,
    write_tree,
)

NAME = f"{MODEL}_xnnpack.pte"
PATH = f"/{VERSION}/{FAMILY}/{NAME}"
INDEX = f"/{VERSION}/index.json"
SECRET = "hunter2"


@pytest.fixture()
def home(tmp_path: Path) -> Iterator[FaultyServer]:
    tree = write_tree(tmp_path / "tree")
    files = {
        f"/{path.relative_to(tree)}": path.read_bytes()
        for path in tree.rglob("*")
        if path.is_file()
    }
    with faulty_server.serve(files) as running:
        yield running


@pytest.fixture()
def stranger() -> Iterator[FaultyServer]:
    with faulty_server.serve({PATH: program_bytes(NAME)}) as running:
        yield running


def bare() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session


def with_header(name: str) -> Callable[[Path, pytest.MonkeyPatch], requests.Session]:
    def make(_folder: Path, _monkeypatch: pytest.MonkeyPatch) -> requests.Session:
        session = bare()
        session.headers[name] = SECRET
        return session

    return make


def with_user(_folder: Path, _monkeypatch: pytest.MonkeyPatch) -> requests.Session:
    session = bare()
    session.auth = ("user", SECRET)
    return session


def with_own_authentication(_folder: Path, _monkeypatch: pytest.MonkeyPatch) -> requests.Session:
    def authenticate(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["X-Signature"] = SECRET
        return request

    session = bare()
    session.auth = authenticate
    return session


def with_cookie(_folder: Path, _monkeypatch: pytest.MonkeyPatch) -> requests.Session:
    session = bare()
    session.cookies.set("session", SECRET)  # For any host.
    return session


def with_parameter(_folder: Path, _monkeypatch: pytest.MonkeyPatch) -> requests.Session:
    session = bare()
    session.params = {"token": SECRET}
    return session


def with_netrc(folder: Path, monkeypatch: pytest.MonkeyPatch) -> requests.Session:
    file = folder / "netrc"
    file.write_text(f"default login user password {SECRET}\n")
    monkeypatch.setenv("NETRC", str(file))
    monkeypatch.setenv("NO_PROXY", "*")
    return requests.Session()


def with_own_get(_folder: Path, _monkeypatch: pytest.MonkeyPatch) -> requests.Session:
    """As the sessions of OAuth libraries do."""

    class Own(requests.Session):
        def request(self, *arguments, **named):  # type: ignore[no-untyped-def]
            named["headers"] = {**named["headers"], "Authorization": SECRET}
            return super().request(*arguments, **named)

    session = Own()
    session.trust_env = False
    return session


CARRIERS = {
    "authorization": with_header("Authorization"),
    "cookie-header": with_header("Cookie"),
    "proxy": with_header("Proxy-Authorization"),
    "private-token": with_header("PRIVATE-TOKEN"),
    "user": with_user,
    "own-authentication": with_own_authentication,
    "cookie": with_cookie,
    "parameter": with_parameter,
    "netrc": with_netrc,
    "own-get": with_own_get,
}


def fetch(location: str | Path, cache: Path, session: requests.Session) -> None:
    retrying = Retrying(attempts=3, sleep=lambda _: None)
    catalogue = open_catalogue(location, cache=cache, session=session, retrying=retrying)
    path = catalogue.fetch(catalogue.best(MODEL, "linux"))
    assert path.read_bytes() == program_bytes(NAME)


def told(server: FaultyServer) -> list[bool]:
    """Of each request, whether the server was told the secret, or a base64 of it."""
    encoded = "dXNlcjpodW50ZXIy"  # user:hunter2
    return [SECRET in each.everything or encoded in each.everything for each in server.asked]


def name_elsewhere(home: FaultyServer, url: str) -> None:
    """Let the index give another address of the program."""
    index = sample_index()
    for entry in index["models"]:
        if entry["name"] == NAME:
            entry["remoteUrl"] = url
    home.files[INDEX] = canonical_json(index).encode()


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("way", ["index", "redirection", "two-redirections"])
def test_another_origin_is_told_nothing(
    tmp_path: Path,
    home: FaultyServer,
    stranger: FaultyServer,
    monkeypatch: pytest.MonkeyPatch,
    carrier: str,
    way: str,
) -> None:
    if way == "index":
        name_elsewhere(home, stranger.url(PATH))
    else:
        home.fail(PATH, *[status(302, Location=stranger.url(PATH))] * 2)
    if way == "two-redirections":
        stranger.fail(PATH, status(307, Location=stranger.url(PATH)))
    stranger.fail(PATH, cut(300_000))  # So that it is asked for a second time.
    session = CARRIERS[carrier](tmp_path, monkeypatch)
    fetch(home.url(), tmp_path / "cache", session)
    assert len(home.asked) >= 2
    assert all(told(home))
    assert len(stranger.asked) >= 2
    assert not any(told(stranger))


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_folders_index_has_no_origin_to_trust(
    tmp_path: Path, stranger: FaultyServer, monkeypatch: pytest.MonkeyPatch, carrier: str
) -> None:
    tree = write_tree(tmp_path / "local")
    index = sample_index()
    for entry in index["models"]:
        entry["remoteUrl"] = stranger.url(PATH)
    (tree / INDEX[1:]).write_text(canonical_json(index))
    (tree / PATH[1:]).unlink()
    fetch(tree, tmp_path / "cache", CARRIERS[carrier](tmp_path, monkeypatch))
    assert told(stranger) == [False]


def test_another_name_of_the_same_machine_is_another_origin(
    tmp_path: Path, home: FaultyServer
) -> None:
    name_elsewhere(home, f"http://localhost:{home.server_port}{PATH}")
    session = bare()
    session.headers["Authorization"] = SECRET
    fetch(home.url(), tmp_path / "cache", session)
    assert told(home) == [True, True, False]


def test_who_was_led_away_is_not_led_back(home: FaultyServer, stranger: FaultyServer) -> None:
    """A stranger would choose what is asked for in the caller's name."""
    home.files["/delete-everything"] = b"done"
    home.fail(PATH, status(302, Location=stranger.url("/a")))
    stranger.fail("/a", status(302, Location=home.url("/delete-everything")))
    session = bare()
    session.headers["Authorization"] = SECRET
    assert HttpClient(session, home.url()).read(home.url(PATH), 9) == b"done"
    assert told(home) == [True, False]


def test_a_redirection_within_the_origin_keeps_them(home: FaultyServer) -> None:
    home.files["/b"] = b"done"
    home.fail("/a", status(302, Location="/b"))
    session = bare()
    session.headers["Authorization"] = SECRET
    assert HttpClient(session, home.url("/models")).read(home.url("/a"), 9) == b"done"
    assert told(home) == [True, True]


def test_without_a_home_nobody_is_told(home: FaultyServer) -> None:
    session = bare()
    session.headers["Authorization"] = SECRET
    HttpClient(session).read(home.url(INDEX), 1 << 20)
    assert told(home) == [False]


def test_a_stranger_plants_no_cookie(home: FaultyServer, stranger: FaultyServer) -> None:
    """Cookies know no ports: it would come back to the caller's own server."""
    home.fail(PATH, status(302, Location=stranger.url(PATH)))
    stranger.fail(PATH, status(302, Location=stranger.url(PATH), Set_Cookie="session=planted"))
    session = bare()
    HttpClient(session, home.url()).read(home.url(PATH), 1 << 20)
    HttpClient(session, home.url()).read(home.url(INDEX), 1 << 20)
    assert not any("planted" in each.everything for each in (*home.asked, *stranger.asked))


def test_an_adapter_gives_another_host_what_the_caller_wants(
    tmp_path: Path, home: FaultyServer, stranger: FaultyServer
) -> None:
    class Adding(requests.adapters.HTTPAdapter):
        def add_headers(self, request: requests.PreparedRequest, **_: object) -> None:
            request.headers["Authorization"] = SECRET

    name_elsewhere(home, stranger.url(PATH))
    session = bare()
    session.mount(stranger.url(), Adding())
    fetch(home.url(), tmp_path / "cache", session)
    assert told(home) == [False, False]
    assert told(stranger) == [True]

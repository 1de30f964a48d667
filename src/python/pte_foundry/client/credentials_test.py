"""The credentials of a caller's session go to the origin that the caller named, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from pte_foundry.client.catalogue import open_catalogue
from pte_foundry.client.http_client import HttpClient
from pte_foundry.client.retrying import Retrying
from pte_foundry.records.json_files import canonical_json
from pte_foundry.testing.faulty_server import FaultyServer, cut, direct_session, serve, status
from pte_foundry.testing.published_tree import (
    FAMILY,
    MODEL,
    VERSION,
    program_bytes,
    sample_index,
)

NAME = f"{MODEL}_xnnpack.pte"
INDEX = f"/models/{VERSION}/index.json"
PROGRAM = f"/models/{VERSION}/{FAMILY}/{NAME}"
SECRET = "hunter2"


@pytest.fixture()
def home(server: FaultyServer) -> FaultyServer:
    """The server that the caller names."""
    return server


@pytest.fixture()
def stranger() -> Iterator[FaultyServer]:
    with serve({PROGRAM: program_bytes(NAME)}) as running:
        yield running


def with_header(name: str) -> Callable[[], requests.Session]:
    def make() -> requests.Session:
        session = direct_session()
        session.headers[name] = SECRET
        return session

    return make


def with_user() -> requests.Session:
    session = direct_session()
    session.auth = ("user", SECRET)
    return session


def with_authentication_function() -> requests.Session:
    def authenticate(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["X-Signature"] = SECRET
        return request

    session = direct_session()
    session.auth = authenticate
    return session


def with_cookie() -> requests.Session:
    session = direct_session()
    session.cookies.set("session", SECRET)  # For any host.
    return session


def with_parameter() -> requests.Session:
    session = direct_session()
    session.params = {"token": SECRET}
    return session


def with_overridden_request() -> requests.Session:
    """As the sessions of OAuth libraries do."""

    class Authorized(requests.Session):
        def request(self, *arguments, **named):  # type: ignore[no-untyped-def]
            named["headers"] = {**named["headers"], "Authorization": SECRET}
            return super().request(*arguments, **named)

    session = Authorized()
    session.trust_env = False
    return session


# The session of `netrc` trusts the environment, where the fixture below puts a `.netrc` for any host.
CARRIERS: dict[str, Callable[[], requests.Session]] = {
    "authorization": with_header("Authorization"),
    "cookie-header": with_header("Cookie"),
    "proxy": with_header("Proxy-Authorization"),
    "private-token": with_header("PRIVATE-TOKEN"),
    "user": with_user,
    "authentication-function": with_authentication_function,
    "cookie": with_cookie,
    "parameter": with_parameter,
    "netrc": requests.Session,
    "overridden-request": with_overridden_request,
}


@pytest.fixture(autouse=True)
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text(f"default login user password {SECRET}\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("NO_PROXY", "*")


def fetch(location: str | Path, cache: Path, session: requests.Session) -> None:
    retrying = Retrying(attempts=3, sleep=lambda _: None)
    catalogue = open_catalogue(location, cache=cache, session=session, retrying=retrying)
    path = catalogue.fetch(catalogue.best(MODEL, "linux"))
    assert path.read_bytes() == program_bytes(NAME)


def saw_secret(server: FaultyServer) -> list[bool]:
    """For each request, whether it carried the secret, plain or in base64."""
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
def test_another_origin_sees_no_credentials(
    tmp_path: Path,
    home: FaultyServer,
    stranger: FaultyServer,
    carrier: str,
    way: str,
) -> None:
    if way == "index":
        name_elsewhere(home, stranger.url(PROGRAM))
    else:
        home.fail(PROGRAM, *[status(302, Location=stranger.url(PROGRAM))] * 2)
    if way == "two-redirections":
        stranger.fail(PROGRAM, status(307, Location=stranger.url(PROGRAM)))
    stranger.fail(PROGRAM, cut(300_000))  # Causes a second request.
    fetch(home.url("/models"), tmp_path / "cache", CARRIERS[carrier]())
    assert len(home.asked) >= 2
    assert all(saw_secret(home))
    assert len(stranger.asked) >= 2
    assert not any(saw_secret(stranger))


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_folders_index_has_no_origin_to_trust(
    tmp_path: Path, tree: Path, stranger: FaultyServer, carrier: str
) -> None:
    index = sample_index()
    for entry in index["models"]:
        entry["remoteUrl"] = stranger.url(PROGRAM)
    (tree / VERSION / "index.json").write_text(canonical_json(index))
    (tree / VERSION / FAMILY / NAME).unlink()
    fetch(tree, tmp_path / "cache", CARRIERS[carrier]())
    assert saw_secret(stranger) == [False]


def test_another_name_of_the_same_machine_is_another_origin(
    tmp_path: Path, home: FaultyServer
) -> None:
    name_elsewhere(home, f"http://localhost:{home.server_port}{PROGRAM}")
    session = CARRIERS["authorization"]()
    fetch(home.url("/models"), tmp_path / "cache", session)
    assert saw_secret(home) == [True, True, False]


def test_a_redirection_back_home_carries_no_credentials(
    home: FaultyServer, stranger: FaultyServer
) -> None:
    """Otherwise a stranger could choose what is requested with them."""
    home.files["/delete-everything"] = b"done"
    home.fail(PROGRAM, status(302, Location=stranger.url("/a")))
    stranger.fail("/a", status(302, Location=home.url("/delete-everything")))
    session = CARRIERS["authorization"]()
    assert HttpClient(session, home.url("/models")).read(home.url(PROGRAM), 9) == b"done"
    assert saw_secret(home) == [True, False]


def test_a_redirection_within_the_origin_keeps_them(home: FaultyServer) -> None:
    home.files["/b"] = b"done"
    home.fail("/a", status(302, Location="/b"))
    session = CARRIERS["authorization"]()
    assert HttpClient(session, home.url("/models")).read(home.url("/a"), 9) == b"done"
    assert saw_secret(home) == [True, True]


def test_without_a_home_no_server_sees_them(home: FaultyServer) -> None:
    session = CARRIERS["authorization"]()
    HttpClient(session).read(home.url(INDEX), 1 << 20)
    assert saw_secret(home) == [False]


def test_a_stranger_plants_no_cookie(home: FaultyServer, stranger: FaultyServer) -> None:
    """Cookies know no ports: it would come back to the caller's own server."""
    home.fail(PROGRAM, status(302, Location=stranger.url(PROGRAM)))
    stranger.fail(
        PROGRAM, status(302, Location=stranger.url(PROGRAM), Set_Cookie="session=planted")
    )
    session = direct_session()
    HttpClient(session, home.url("/models")).read(home.url(PROGRAM), 1 << 20)
    HttpClient(session, home.url("/models")).read(home.url(INDEX), 1 << 20)
    assert not any("planted" in each.everything for each in (*home.asked, *stranger.asked))


def test_an_adapter_gives_another_host_what_the_caller_wants(
    tmp_path: Path, home: FaultyServer, stranger: FaultyServer
) -> None:
    class Adding(requests.adapters.HTTPAdapter):
        def add_headers(self, request: requests.PreparedRequest, **_: object) -> None:
            request.headers["Authorization"] = SECRET

    name_elsewhere(home, stranger.url(PROGRAM))
    session = direct_session()
    session.mount(stranger.url(), Adding())
    fetch(home.url("/models"), tmp_path / "cache", session)
    assert saw_secret(home) == [False, False]
    assert saw_secret(stranger) == [True]

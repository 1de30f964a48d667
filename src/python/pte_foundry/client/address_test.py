from __future__ import annotations

import pytest

from pte_foundry.client.address import check_address, origin, redirected
from pte_foundry.client.errors import InsecureAddressError


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/tree/1.4.1/a.pte",
        "https://example.org:8443/a..b.pte",
        "https://example.org/a.pte?download=true",
        "http://127.0.0.1:8000/tree",
        "http://localhost/tree",
        "http://[::1]:80/tree",
    ],
)
def test_https_and_this_machine_are_allowed(url: str) -> None:
    assert check_address(url, where="here") == url


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/tree",
        "http://127.0.0.1.example.org/tree",
        "http://localhost.example.org/tree",
        "ftp://example.org/tree",
        "file:///etc/passwd",
        "https:///tree",
        "https://example.org:port/tree",
        "https://[::1/tree",
        "https://name:secret@example.org/tree",
        "https://name@example.org/tree",
        "https://example.org/tree/../other",
        "https://example.org/tree/%2e%2E/other",
        "https://example.org/tree/..%5cother",
        "https://example.org/tree\\other",
        "https://example.org/tree\r\nHost: other",
        "",
        "https://a..b/x",
        "https://.example.org/x",
        "https://example.org./x",
        "https://*/x",
        "https://-a/x",
        "https://" + "a" * 300 + "/x",
        "https://" + "a." * 150 + "b/x",
        "https://[::1/x",
        "https://[x]/x",
        "https://[fe80::1%25eth0]/x",
        "https://ex%61mple.org/x",
        "https://h\u3002evil/x",
        "https://\u2024/x",
        "https://ex\u0430mple.org/x",
        "https://example.org:99999/x",
        "https://example.org/\ud800",
        "https://example.org/\x1b[2J",
        "https://example.org/\u202ex",
        "https://name:secret@[::1/x",
        "https://name:secret@example.org\\x",
        "ftp://name:secret@example.org/x",
        "https://example.org/" + "x" * 200_000,
    ],
)
def test_everything_else_is_refused(url: str) -> None:
    with pytest.raises(InsecureAddressError, match="here: ") as caught:
        check_address(url, where="here")
    assert "secret" not in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1_000


def test_a_redirection_may_be_relative_or_go_to_another_host() -> None:
    url = "https://example.org/a/b.pte"
    assert redirected(url, "c.pte") == "https://example.org/a/c.pte"
    assert redirected(url, "https://other.org/c.pte") == "https://other.org/c.pte"
    assert redirected("http://localhost/a", "http://127.0.0.1/b") == "http://127.0.0.1/b"
    assert redirected("http://localhost/a", "https://example.org/b") == "https://example.org/b"


@pytest.mark.parametrize(
    "location", ["https://[::1/x", "//[x]/", "/a\x1b[2J", "/\xff\xfe\x80", "https://a..b/"]
)
def test_a_redirection_to_nowhere_is_refused(location: str) -> None:
    with pytest.raises(InsecureAddressError, match="the redirection of https://example.org/a"):
        redirected("https://example.org/a", location)


def test_an_origin_is_scheme_host_and_port() -> None:
    same = ["https://example.org/a", "https://example.org:443/b", "https://EXAMPLE.org"]
    assert {origin(url) for url in same} == {("https", "example.org", 443)}
    others = [
        "https://example.org:444",
        "https://a.example.org",
        "http://localhost",
        "http://[::1]",
    ]
    assert len({origin(url) for url in (*same, *others)}) == 1 + len(others)


@pytest.mark.parametrize("location", ["http://example.org/b", "http://127.0.0.1/b", "file:///b"])
def test_a_redirection_does_not_leave_https(location: str) -> None:
    with pytest.raises(InsecureAddressError, match="the redirection of https://example.org/a"):
        redirected("https://example.org/a", location)

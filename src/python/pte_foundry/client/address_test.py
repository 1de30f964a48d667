from __future__ import annotations

import pytest

from pte_foundry.client.address import check_address, redirected
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
    ],
)
def test_everything_else_is_refused(url: str) -> None:
    with pytest.raises(InsecureAddressError, match="here: ") as caught:
        check_address(url, where="here")
    assert "secret" not in str(caught.value)


def test_a_redirection_may_be_relative_or_go_to_another_host() -> None:
    url = "https://example.org/a/b.pte"
    assert redirected(url, "c.pte") == "https://example.org/a/c.pte"
    assert redirected(url, "https://other.org/c.pte") == "https://other.org/c.pte"
    assert redirected("http://localhost/a", "http://127.0.0.1/b") == "http://127.0.0.1/b"
    assert redirected("http://localhost/a", "https://example.org/b") == "https://example.org/b"


@pytest.mark.parametrize("location", ["http://example.org/b", "http://127.0.0.1/b", "file:///b"])
def test_a_redirection_does_not_leave_https(location: str) -> None:
    with pytest.raises(InsecureAddressError, match="the redirection of https://example.org/a"):
        redirected("https://example.org/a", location)

from __future__ import annotations

import socket

import pytest

from cache_server.command.address import (
    Address,
    accepts_connections,
    check_free,
    parse_address,
)
from workspace.errors import ToolError


@pytest.mark.parametrize(
    ("text", "url", "loopback"),
    [
        ("127.0.0.1:8980", "grpc://127.0.0.1:8980", True),
        ("[::1]:8980", "grpc://[::1]:8980", True),
        ("0.0.0.0:80", "grpc://0.0.0.0:80", False),
        ("[::]:80", "grpc://[::]:80", False),
    ],
)
def test_an_address_is_read(text: str, url: str, loopback: bool) -> None:
    address = parse_address(text)
    assert address.url == url
    assert address.is_loopback == loopback


@pytest.mark.parametrize(
    "text", ["", "8980", "localhost:8980", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:0", "::1:99999"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ToolError, match="--bind"):
        parse_address(text)


def test_a_port_that_is_taken_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])
        assert accepts_connections(address)
        with pytest.raises(ToolError, match="taken by another program"):
            check_free(address)
    assert not accepts_connections(address)
    check_free(address)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ToolError, match="address of this machine"):
        check_free(Address("192.0.2.1", 8980))

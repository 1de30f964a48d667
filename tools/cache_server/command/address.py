"""The address that the server listens on."""

from __future__ import annotations

import errno
import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path

from workspace.errors import ToolError


@dataclass(frozen=True)
class Address:
    """host: a numeric IP address, which needs no name service."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The value for `remote_store_address`, without TLS, which the server lacks."""
        return f"grpc://{self}"

    @property
    def is_loopback(self) -> bool:
        return ipaddress.ip_address(self.host).is_loopback


@dataclass(frozen=True)
class UnixSocket:
    """A socket in a folder, as gRPC writes it."""

    path: Path

    def __str__(self) -> str:
        return f"unix:{self.path}"


def parse_address(text: str) -> Address:
    """Read `127.0.0.1:8980` or `[::1]:8980`. Raises ToolError for anything else."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        ipaddress.ip_address(host)
        number = int(port)
    except ValueError:
        raise ToolError(
            f"--bind: {text!r} is not a numeric address with a port, like 127.0.0.1:8980"
        ) from None
    if not 1 <= number <= 65535:
        raise ToolError(f"--bind: there is no port {number}; use one of 1 to 65535")
    return Address(host, number)


def check_free(address: Address) -> None:
    """Raises ToolError if the address cannot be listened on.

    The server itself would share a port with another server, and each would get some of the requests.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # Ignores lingering connections of a server that has just ended.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ToolError(
                    f"--bind: {address} is taken by another program, perhaps by another cache "
                    "server. Stop that one, or name another port"
                ) from None
            raise ToolError(
                f"--bind: {address} cannot be used: {error.strerror}. Name an address of this machine"
            ) from None


def accepts_connections(address: Address | UnixSocket) -> bool:
    try:
        if isinstance(address, UnixSocket):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                probe.connect(str(address.path))
                return True
        with socket.create_connection((address.host, address.port), timeout=1):
            return True
    except OSError:
        return False

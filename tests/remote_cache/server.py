"""A cache server that a test can look into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cache_server.command.address import Address
from cache_server.command.binary import find_casd
from cache_server.command.free_port import free_port
from cache_server.command.server import running_server

_QUOTA = "4G"


@dataclass(frozen=True)
class Server:
    """buildbox-casd on a port of its own."""

    folder: Path
    address: Address = field(default_factory=lambda: Address("127.0.0.1", free_port()))

    @contextmanager
    def running(self) -> Iterator[None]:
        with running_server(find_casd(), self.folder, self.address, _QUOTA):
            yield

    def actions(self) -> list[str]:
        """The hash of every action that the server has a result of."""
        return sorted(
            path.parent.name + path.name for path in self.folder.glob("actioncache/objects/*/*")
        )

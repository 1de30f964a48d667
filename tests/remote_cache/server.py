"""A cache server that a test can stop, start again, and look into."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from pathlib import Path

from cache_server.command.address import Address
from cache_server.command.binary import find_casd
from cache_server.command.free_port import free_port
from cache_server.command.server import running_server

QUOTA = "4G"


class Server:
    """buildbox-casd on a port of its own. Its folder outlives it."""

    def __init__(self, folder: Path, quota: str = QUOTA) -> None:
        self.folder = folder
        self.address = Address("127.0.0.1", free_port())
        self._quota = quota
        self._running = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Server:
        server = running_server(find_casd(), self.folder, self.address, self._quota)
        self._process = self._running.enter_context(server)
        return self

    def stop(self) -> None:
        self._running.close()

    def kill(self) -> None:
        """As a crash or a power failure does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def blob(self, sha256: str) -> Path:
        """The file in which the server keeps the content of this hash."""
        return self.folder / "cas/objects" / sha256[:2] / sha256[2:]

    def actions(self) -> dict[str, int]:
        """Hash and size of every action that the server has a result of."""
        hashes = [
            path.parent.name + path.name for path in self.folder.glob("actioncache/objects/*/*")
        ]
        return {sha256: self.blob(sha256).stat().st_size for sha256 in sorted(hashes)}

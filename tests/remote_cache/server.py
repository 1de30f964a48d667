"""A server that a test can stop, restart and inspect: a cache, or an execution service too."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cache_server.command.address import Address
from cache_server.command.binary import find_casd
from cache_server.command.execution import Execution
from cache_server.command.free_port import free_port
from cache_server.command.server import running_server

_QUOTA = "4G"


class Server:
    """buildbox-casd on a free port. Its folder outlives it."""

    def __init__(
        self, folder: Path, program: Path | None = None, execution: Execution | None = None
    ) -> None:
        """program: to run instead of buildbox-casd, with the same arguments. execution: lets it execute."""
        self.folder = folder
        self.execution = execution
        self.address = Address("127.0.0.1", free_port())
        self._program = program
        self._running = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = self._program or (
            find_casd() if self.execution is None else self.execution.programs.casd
        )
        server = running_server(
            program, self.folder, self.address, _QUOTA, execution=self.execution
        )
        self._process = self._running.enter_context(server)

    def stop(self) -> None:
        self._running.close()

    def kill(self) -> None:
        """As a crash or a power failure does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self.stop()

    @contextmanager
    def running(self) -> Iterator[None]:
        self.start()
        try:
            yield
        finally:
            self.stop()

    def blob(self, sha256: str) -> Path:
        """The server's file for the content with this hash."""
        return self.folder / "cas/objects" / sha256[:2] / sha256[2:]

    def actions(self) -> list[str]:
        """The hashes of all actions with a result."""
        return sorted(
            path.parent.name + path.name for path in self.folder.glob("actioncache/objects/*/*")
        )

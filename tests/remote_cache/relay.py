"""A connection to a cache server that a test can cut, slow down and redirect, at a constant address.

Pants' daemon keeps its connections and address until it ends, and takes ten seconds to restart.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from cache_server.command.address import Address

_CHUNK = 256  # Bytes per chunk on a slow connection.
_FAST_CHUNK = 1 << 16


@dataclass
class Relay:
    """target: where connections go; None closes each at once. bytes_per_second: for each direction of a connection,
    None for no limit. silent: whether connections are accepted without an answer. passed: bytes from the server so far.
    cut_after: how many of these until everything ends, as when the server dies. sent: bytes to the server; not reset.
    """

    address: Address
    target: Address | None
    bytes_per_second: float | None = None
    silent: bool = False
    cut_after: int | None = None
    passed: int = 0
    sent: int = 0
    _open: list[socket.socket] = field(default_factory=list)

    def change(
        self,
        target: Address | None,
        bytes_per_second: float | None = None,
        silent: bool = False,
        cut_after: int | None = None,
    ) -> None:
        """End all connections, and set how new ones behave."""
        self.target, self.bytes_per_second, self.silent = target, bytes_per_second, silent
        self.cut_after, self.passed = cut_after, 0
        self.cut()

    def cut(self) -> None:
        connections, self._open = self._open, []
        for connection in connections:
            _close(connection)

    def serve(self, connection: socket.socket) -> None:
        if self.silent:
            self._open.append(connection)
            return
        if self.target is None:
            _close(connection)
            return
        try:
            other = socket.create_connection((self.target.host, self.target.port))
        except OSError:
            _close(connection)
            return
        self._open += [connection, other]
        for source, sink, answers in ((connection, other, False), (other, connection, True)):
            thread = threading.Thread(
                target=self._forward, args=(source, sink, answers), daemon=True
            )
            thread.start()

    def _forward(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while chunk := source.recv(_CHUNK if self.bytes_per_second else _FAST_CHUNK):
                if self.bytes_per_second:
                    time.sleep(len(chunk) / self.bytes_per_second)
                if answers:
                    self.passed += len(chunk)
                    if self.cut_after is not None and self.passed > self.cut_after:
                        self.target = None
                        self.cut()
                        return
                else:
                    self.sent += len(chunk)
                sink.sendall(chunk)
        _close(source)
        _close(sink)


@contextmanager
def running_relay(target: Address) -> Iterator[Relay]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = Relay(Address("127.0.0.1", listener.getsockname()[1]), target)

        def accept() -> None:
            with suppress(OSError):  # Closed.
                while True:
                    relay.serve(listener.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield relay
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            relay.cut()


def _close(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()

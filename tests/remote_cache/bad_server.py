"""Servers and connections that do not work as they should."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import grpc

from cache_server.command.address import Address
from cache_server.command.free_port import free_port

_CHUNK = 256  # bytes that pass a slow connection at once


@contextmanager
def closing() -> Iterator[Address]:
    """A server that closes every connection at once."""
    with _listening(lambda connection: connection.close()) as address:
        yield address


@contextmanager
def silent() -> Iterator[Address]:
    """A server that accepts connections and never says anything."""
    kept: list[socket.socket] = []
    with _listening(kept.append) as address:
        yield address
    for connection in kept:
        connection.close()


@contextmanager
def slowed(server: Address, bytes_per_second: float) -> Iterator[Address]:
    """A way to the server on which each direction of each connection is slow."""

    def forward(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(_CHUNK):
                time.sleep(len(chunk) / bytes_per_second)
                target.sendall(chunk)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def connect(connection: socket.socket) -> None:
        other = socket.create_connection((server.host, server.port))
        for ends in ((connection, other), (other, connection)):
            threading.Thread(target=forward, args=ends, daemon=True).start()

    with _listening(connect) as address:
        yield address


@contextmanager
def answering(code: grpc.StatusCode) -> Iterator[Address]:
    """A gRPC server that answers every request with this error."""

    class Refuse(grpc.GenericRpcHandler):
        def service(
            self, handler_call_details: grpc.HandlerCallDetails
        ) -> grpc.RpcMethodHandler[bytes, bytes] | None:
            def refuse(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
                context.abort(code, "a test says so")
                yield b""

            return grpc.stream_stream_rpc_method_handler(refuse)

    address = Address("127.0.0.1", free_port())
    server = grpc.server(ThreadPoolExecutor(4), handlers=[Refuse()])
    server.add_insecure_port(str(address))
    server.start()
    try:
        yield address
    finally:
        server.stop(None)


@contextmanager
def _listening(serve: Callable[[socket.socket], object]) -> Iterator[Address]:
    """`serve` gets each connection, in one thread; it must not block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):  # closed: the end
                while True:
                    serve(listener.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield Address("127.0.0.1", listener.getsockname()[1])
        finally:
            listener.shutdown(socket.SHUT_RDWR)

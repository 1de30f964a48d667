"""A gRPC server that answers every request with the same error."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc

from cache_server.command.address import Address
from cache_server.command.free_port import free_port


@contextmanager
def refusing(code: grpc.StatusCode) -> Iterator[Address]:
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
        server.stop(None).wait()

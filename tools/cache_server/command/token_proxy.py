"""A proxy in front of the cache server, which only passes on calls with the token.

buildbox-casd does not authenticate, and a port of this machine is open to all its users. So the server listens on a
socket in a folder that only its owner can enter, and the proxy listens on the port. Pants itself cannot use a Unix
socket: its
addresses begin with `grpc://` or `grpcs://`.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc

from cache_server.command.address import Address
from workspace.errors import ToolError

_BYTES = 32
_CALLS = 64
_LONGEST_CALL = 86_400.0  # seconds
_METADATA = "authorization"
# Not passed on: the token is for the proxy, and gRPC sets the other itself.
_NOT_PASSED_ON = (_METADATA, "user-agent")
_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),  # No other process shares the port.
]


def make_token(file: Path) -> str:
    """Write a new token to a file that only its owner can read, and return it.

    Raises ToolError if the file cannot be written.
    """
    token = secrets.token_urlsafe(_BYTES)
    try:
        file.unlink(missing_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as opened:
            opened.write(token)
    except OSError as error:
        raise ToolError(
            f"--token: {file} cannot be written: {error.strerror}. Name a folder that you may write to"
        ) from None
    return token


@contextmanager
def running_proxy(address: Address, token: str, server: str) -> Iterator[None]:
    """Listen on `address`, and pass each call with the token to `server`, a gRPC target such as `unix:/a/b`.

    Raises ToolError if the address cannot be listened on.
    """
    with (
        grpc.insecure_channel(server, options=_OPTIONS) as channel,
        ThreadPoolExecutor(_CALLS) as threads,
    ):
        proxy = grpc.server(threads, handlers=[_Proxy(token, channel)], options=_OPTIONS)
        try:
            bound = proxy.add_insecure_port(str(address))
        except RuntimeError:
            bound = 0
        if not bound:
            raise ToolError(f"--bind: {address} cannot be listened on. Name another port")
        proxy.start()
        try:
            yield
        finally:
            proxy.stop(grace=1).wait()


class _Proxy(grpc.GenericRpcHandler):
    """Handles every method as a stream of bytes each way, which fits single messages too."""

    def __init__(self, token: str, channel: grpc.Channel) -> None:
        self._expected = f"Bearer {token}".encode()
        self._channel = channel

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        sent = dict(details.invocation_metadata).get(_METADATA, "")
        sent = sent if isinstance(sent, bytes) else sent.encode()
        if not hmac.compare_digest(sent, self._expected):
            return grpc.stream_stream_rpc_method_handler(_refuse)
        call: grpc.StreamStreamMultiCallable[bytes, bytes] = self._channel.stream_stream(
            details.method
        )

        def pass_on(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
            metadata = tuple(
                (key, value)
                for key, value in context.invocation_metadata()
                if key not in _NOT_PASSED_ON and not key.startswith(("grpc-", ":"))
            )
            left = context.time_remaining()
            # Without a deadline it is thousands of years, which gRPC does not accept as a timeout.
            timeout = left if left is not None and left < _LONGEST_CALL else None
            answer = call(requests, timeout=timeout, metadata=metadata)
            context.add_callback(lambda: _cancel(answer))
            try:
                yield from answer
                context.set_trailing_metadata(answer.trailing_metadata())
            except grpc.RpcError:
                context.set_trailing_metadata(answer.trailing_metadata())
                context.abort(answer.code(), answer.details())

        return grpc.stream_stream_rpc_method_handler(pass_on)


def _cancel(call: grpc.Call) -> None:
    call.cancel()


def _refuse(_requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
    context.abort(grpc.StatusCode.UNAUTHENTICATED, "the token of this cache is missing or wrong")
    yield b""

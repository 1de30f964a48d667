from __future__ import annotations

import hashlib
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from buildstream._protos.build.bazel.remote.execution.v2 import (
    remote_execution_pb2 as messages,
)
from buildstream._protos.build.bazel.remote.execution.v2 import (
    remote_execution_pb2_grpc as services,
)
from buildstream._protos.google.bytestream import bytestream_pb2, bytestream_pb2_grpc

from cache_server.command.address import Address
from cache_server.command.binary import find_casd
from cache_server.command.free_port import free_port
from cache_server.command.server import running_server
from cache_server.command.token_proxy import make_token, running_proxy
from workspace.errors import ToolError

TOKEN = "the token"
LARGE = bytes(range(256)) * 40_000  # 10 MB: more than one message carries.


def digest(content: bytes) -> Any:
    return messages.Digest(hash=hashlib.sha256(content).hexdigest(), size_bytes=len(content))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """A proxy with a cache server behind it."""
    found = Address("127.0.0.1", free_port())
    folder = tmp_path_factory.mktemp("cache")
    with running_server(find_casd(), folder, found, "1G", TOKEN):
        yield found


class Caller:
    """A client with these values of `authorization`."""

    def __init__(self, address: Address, *authorization: str) -> None:
        self._channel = grpc.insecure_channel(str(address))
        self._metadata = [("authorization", each) for each in authorization]

    def put(self, content: bytes) -> None:
        stub = services.ContentAddressableStorageStub(self._channel)  # type: ignore[no-untyped-call]
        blob = messages.BatchUpdateBlobsRequest.Request(digest=digest(content), data=content)
        request = messages.BatchUpdateBlobsRequest(requests=[blob])
        (response,) = stub.BatchUpdateBlobs(request, metadata=self._metadata).responses
        assert response.status.code == 0

    def write(self, content: bytes) -> None:
        """In a stream of messages, as large files go."""
        stub = bytestream_pb2_grpc.ByteStreamStub(self._channel)  # type: ignore[no-untyped-call]
        name = f"uploads/0/blobs/{hashlib.sha256(content).hexdigest()}/{len(content)}"
        step = 1 << 20
        requests = (
            bytestream_pb2.WriteRequest(
                resource_name=name,
                write_offset=at,
                data=content[at : at + step],
                finish_write=at + step >= len(content),
            )
            for at in range(0, len(content), step)
        )
        response = stub.Write(requests, metadata=self._metadata)
        assert response.committed_size == len(content)

    def read(self, content: bytes) -> bytes:
        stub = bytestream_pb2_grpc.ByteStreamStub(self._channel)  # type: ignore[no-untyped-call]
        name = f"blobs/{hashlib.sha256(content).hexdigest()}/{len(content)}"
        request = bytestream_pb2.ReadRequest(resource_name=name)
        return b"".join(each.data for each in stub.Read(request, metadata=self._metadata))

    def plant(self, action: bytes) -> None:
        stub = services.ActionCacheStub(self._channel)  # type: ignore[no-untyped-call]
        request = messages.UpdateActionResultRequest(
            action_digest=digest(action), action_result=messages.ActionResult(exit_code=7)
        )
        stub.UpdateActionResult(request, metadata=self._metadata)

    def result(self, action: bytes) -> Any:
        stub = services.ActionCacheStub(self._channel)  # type: ignore[no-untyped-call]
        request = messages.GetActionResultRequest(action_digest=digest(action))
        return stub.GetActionResult(request, metadata=self._metadata)


def test_a_caller_with_the_token_uses_the_cache(address: Address) -> None:
    caller = Caller(address, f"Bearer {TOKEN}")
    caller.put(b"small")
    assert caller.read(b"small") == b"small"
    caller.write(LARGE)
    assert caller.read(LARGE) == LARGE
    caller.plant(b"an action")
    assert caller.result(b"an action").exit_code == 7


def test_errors_of_the_server_are_passed_on(address: Address) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        Caller(address, f"Bearer {TOKEN}").result(b"unknown")
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    "authorization",
    [
        (),
        ("",),
        (TOKEN,),
        ("Bearer ",),
        (f"Bearer {TOKEN[:-1]}",),
        (f"Bearer {TOKEN} ",),
        (f"bearer {TOKEN}x",),
        (f"Basic {TOKEN}",),
    ],
)
def test_nobody_else_reads_or_writes(address: Address, authorization: tuple[str, ...]) -> None:
    Caller(address, f"Bearer {TOKEN}").put(b"secret")
    stranger = Caller(address, *authorization)
    for attempt in (
        lambda: stranger.put(b"planted"),
        lambda: stranger.write(b"planted"),
        lambda: stranger.plant(b"planted"),
        lambda: stranger.read(b"secret"),
        lambda: stranger.result(b"planted"),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            attempt()
        assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
    with pytest.raises(grpc.RpcError) as caught:
        Caller(address, f"Bearer {TOKEN}").read(b"planted")
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_only_its_owner_can_read_a_token_which_is_new_each_time(tmp_path: Path) -> None:
    file = tmp_path / "token"
    (tmp_path / "victim").write_text("precious")
    file.symlink_to("victim")
    first = make_token(file)
    assert file.read_text() == first
    assert stat.S_IMODE(file.lstat().st_mode) == 0o600
    assert file.lstat().st_uid == os.geteuid()
    assert len({first, make_token(file), make_token(file)}) == 3
    assert len(first) >= 40
    assert (tmp_path / "victim").read_text() == "precious"


def test_a_token_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="--token: .*cannot be written"):
        make_token(tmp_path / "absent" / "token")


def test_a_port_that_is_taken_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])
        with (
            pytest.raises(ToolError, match="cannot be listened on"),
            running_proxy(address, TOKEN, "unix:/nowhere"),
        ):
            pass

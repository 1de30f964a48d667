"""A client of the Remote Execution API, to read and change what Pants wrote to a cache.

The messages are those of https://github.com/bazelbuild/remote-apis, generated for BuildStream.
"""

from __future__ import annotations

import hashlib
from typing import Any

import grpc
from buildstream._protos.build.bazel.remote.execution.v2 import (
    remote_execution_pb2 as messages,
)
from buildstream._protos.build.bazel.remote.execution.v2 import (
    remote_execution_pb2_grpc as services,
)

from cache_server.command.address import Address
from remote_cache.server import Server


class Client:
    """For small blobs, which fit into one message."""

    def __init__(self, address: Address) -> None:
        channel = grpc.insecure_channel(str(address))
        self._storage = services.ContentAddressableStorageStub(channel)  # type: ignore[no-untyped-call]
        self._actions = services.ActionCacheStub(channel)  # type: ignore[no-untyped-call]

    def get(self, digest: Any) -> bytes:
        request = messages.BatchReadBlobsRequest(digests=[digest])
        (response,) = self._storage.BatchReadBlobs(request).responses
        assert response.status.code == 0, response.status
        return bytes(response.data)

    def put(self, content: bytes) -> Any:
        """Store a blob; its digest."""
        digest = messages.Digest(hash=hashlib.sha256(content).hexdigest(), size_bytes=len(content))
        request = messages.BatchUpdateBlobsRequest(
            requests=[messages.BatchUpdateBlobsRequest.Request(digest=digest, data=content)]
        )
        (response,) = self._storage.BatchUpdateBlobs(request).responses
        assert response.status.code == 0, response.status
        return digest

    def result(self, action: Any) -> Any:
        return self._actions.GetActionResult(messages.GetActionResultRequest(action_digest=action))

    def plant(self, action: Any, result: Any) -> None:
        self._actions.UpdateActionResult(
            messages.UpdateActionResultRequest(action_digest=action, action_result=result)
        )

    def actions_with(self, server: Server, name: str, sha256: str) -> list[Any]:
        """The digests of the actions whose results have a file of this name and content."""
        actions = server.actions()
        found = []
        for action in actions:
            digest = messages.Digest(hash=action, size_bytes=server.blob(action).stat().st_size)
            try:
                result = self.result(digest)
            except grpc.RpcError:
                continue  # A result with folders, which this server never finds.
            if any((each.path, each.digest.hash) == (name, sha256) for each in result.output_files):
                found.append(digest)
        return found

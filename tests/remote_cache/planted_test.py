"""What another writer of the cache can and cannot do to a build."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
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

from cache_server.command.address import Address
from remote_cache.machines import PROGRAM, PTE, REPORT
from remote_cache.pair import Pair, sha256
from remote_cache.server import Server

# The stand-in validation fails for content with the word "wrong".
EVIL = b"wrong: no export has written this"


@pytest.fixture(scope="module")
def client(pair: Pair) -> Client:
    return Client(pair.server.address)


def plant(pair: Pair, client: Client, change: Callable[[Any], None]) -> bytes:
    """Lets the writer build, and changes the result in the cache; returns the right bytes."""
    right = pair.write()
    actions = client.actions_with(pair.server, "program.pte", sha256(right))
    # Under the key of the export and that of the declaration.
    assert len(actions) == 2
    for action in actions:
        result = client.result(action)
        change(result)
        client.plant(action, result)
    return right


def file_of(result: Any, name: str) -> Any:
    (found,) = (each for each in result.output_files if each.path == name)
    return found


def assert_refused(pair: Pair, *expected: str) -> None:
    outcome = pair.reader.package()
    assert outcome.exit_code == 1, outcome.output
    for text in (PROGRAM, *expected):
        assert text in outcome.output
    assert pair.reader.clone.dist_files() == {}


def test_other_bytes_are_refused(pair: Pair, client: Client) -> None:
    def change(result: Any) -> None:
        file_of(result, "program.pte").digest.CopyFrom(client.put(EVIL))

    right = plant(pair, client, change)
    assert_refused(pair, "a cache returned a .pte", sha256(EVIL), sha256(right))


def test_a_result_without_its_program_is_refused(pair: Pair, client: Client) -> None:
    def change(result: Any) -> None:
        result.output_files.remove(file_of(result, "program.pte"))

    plant(pair, client, change)
    assert_refused(pair, "without the file program.pte")


def test_a_link_is_not_a_program(pair: Pair, client: Client) -> None:
    def change(result: Any) -> None:
        result.output_files.remove(file_of(result, "program.pte"))
        result.output_file_symlinks.append(
            messages.OutputSymlink(path="program.pte", target="/etc/passwd")
        )

    plant(pair, client, change)
    assert_refused(pair, "without the file program.pte")


@pytest.mark.parametrize("path", ["../escaped", "../../../../escaped", "/tmp/escaped", "a/../../b"])
def test_files_elsewhere_are_not_written(pair: Pair, client: Client, path: str) -> None:
    def change(result: Any) -> None:
        result.output_files.append(messages.OutputFile(path=path, digest=client.put(EVIL)))

    before = files_of(pair.reader.folder)
    right = plant(pair, client, change)
    outcome = pair.reader.package()
    # Taken without that file, or refused.
    assert (pair.reader.pte() == right) == (outcome.exit_code == 0), outcome.output
    assert files_of(pair.reader.folder) - before <= {
        f"workspace/dist/{REPORT}",
        f"workspace/dist/{PTE}",
    }
    assert not Path("/tmp/escaped").exists()


def test_a_program_with_matching_facts_fails_its_test(pair: Pair, client: Client) -> None:
    def change(result: Any) -> None:
        file_of(result, "program.pte").digest.CopyFrom(client.put(EVIL))
        facts = file_of(result, "facts.json")
        content = json.loads(client.get(facts.digest))
        content["pte"].update(sha256=sha256(EVIL), size=len(EVIL))
        facts.digest.CopyFrom(client.put(json.dumps(content).encode()))

    plant(pair, client, change)
    # This is why only trusted writers may use the cache.
    outcome = pair.reader.package()
    assert outcome.exit_code == 0, outcome.output
    assert pair.reader.pte() == EVIL
    # But it does not get into an index.
    outcome = pair.reader.test()
    assert outcome.exit_code == 1, outcome.output
    assert f"{PROGRAM}_test failed" in outcome.output


def test_nobody_can_plant_a_report(pair: Pair, client: Client) -> None:
    right = pair.write()
    assert client.actions_with(pair.server, "program.pte", sha256(right))
    report = pair.writer.clone.dist_files()[REPORT]
    assert not client.actions_with(pair.server, "report.json", sha256(report))


def files_of(folder: Path) -> set[str]:
    """All paths in a machine's folder except those of Pants itself."""
    skipped = {".pants.d", ".pids", "store", "home"}
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not skipped & set(path.relative_to(folder).parts)
    }


class Client:
    """A client of the Remote Execution API (https://github.com/bazelbuild/remote-apis), whose messages BuildStream has.

    Small blobs only: they travel in one message.
    """

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
        """Stores a blob; returns its digest."""
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
        """The digests of the actions whose results on the server have a file of this name and content."""
        actions = server.actions()
        found = []
        for action in actions:
            digest = messages.Digest(hash=action, size_bytes=server.blob(action).stat().st_size)
            try:
                result = self.result(digest)
            except grpc.RpcError:
                continue  # a result with folders, which this server never finds
            if any((each.path, each.digest.hash) == (name, sha256) for each in result.output_files):
                found.append(digest)
        return found

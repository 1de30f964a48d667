"""A cache that fails makes a build slower, never wrong."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import grpc
import pytest

from cache_server.command.address import Address
from cache_server.command.binary import find_casd
from cache_server.command.free_port import free_port
from end_to_end.clone import PantsOutcome
from pte_build.stand_in_repository import CHECKPOINT
from remote_cache.machines import PROGRAM, make_stand_in_machine
from remote_cache.pair import Pair, assert_built_here, assert_taken_from_the_cache, sha256
from remote_cache.server import Server

# The longest that a build may take during a fault.
_SECONDS = 120


def read_in_time(pair: Pair, *options: str) -> PantsOutcome:
    start = time.monotonic()
    outcome = pair.reader.package(*options)
    assert time.monotonic() - start < _SECONDS
    return outcome


def test_without_a_fault(pair: Pair) -> None:
    right = pair.write()
    assert_taken_from_the_cache(pair, right, read_in_time(pair))


def test_a_server_that_is_absent(pair: Pair) -> None:
    right = pair.write()
    pair.relay.change(None)
    outcome = read_in_time(pair)
    assert_built_here(pair, right, outcome)
    assert "remote cache" in outcome.output


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    ],
    ids=lambda code: code.name.lower(),
)
def test_a_server_that_answers_errors(pair: Pair, code: grpc.StatusCode) -> None:
    right = pair.write()
    with refusing(code) as address:
        pair.relay.change(address)
        assert_built_here(pair, right, read_in_time(pair))


@pytest.mark.parametrize(
    ("megabytes", "fault"), [(0, {"silent": True}), (1, {"bytes_per_second": 1000})]
)
def test_a_server_that_is_silent_or_slow(
    pair: Pair, megabytes: float, fault: dict[str, Any]
) -> None:
    right = pair.write(megabytes)
    pair.relay.change(pair.server.address, **fault)
    assert_built_here(pair, right, read_in_time(pair))


def test_a_connection_that_ends_in_the_middle_of_a_file(pair: Pair) -> None:
    right = pair.write(megabytes=8)
    pair.relay.change(pair.server.address, cut_after=4_000_000)
    outcome = read_in_time(pair)
    assert pair.relay.passed > 4_000_000
    assert_built_here(pair, right, outcome)


def test_a_server_that_was_restarted(pair: Pair) -> None:
    right = pair.write()
    pair.server.stop()
    pair.server.start()
    assert_taken_from_the_cache(pair, right, read_in_time(pair))


def test_a_server_that_is_killed_while_it_is_used(pair: Pair) -> None:
    right = pair.write(megabytes=8)
    # Slow enough for the server to die before the file has arrived.
    pair.relay.change(pair.server.address, bytes_per_second=100_000)
    killed = Timer(2.0, pair.server.kill)
    killed.start()
    try:
        outcome = read_in_time(pair)
    finally:
        killed.join()
        pair.server.start()
    assert_built_here(pair, right, outcome)
    # Its content is still good.
    pair.relay.change(pair.server.address)
    right = pair.write()
    assert_taken_from_the_cache(pair, right, read_in_time(pair))


def test_a_file_that_the_server_has_deleted(pair: Pair) -> None:
    right = pair.write()
    pair.server.blob(sha256(right)).unlink()
    assert_built_here(pair, right, read_in_time(pair))


@pytest.mark.parametrize("megabytes", [0, 8], ids=["small", "streamed"])
def test_a_file_that_was_changed_on_the_server(pair: Pair, megabytes: float) -> None:
    right = pair.write(megabytes)
    blob = pair.server.blob(sha256(right))
    blob.chmod(0o600)
    blob.write_bytes(right.replace(b"variant", b"tainted"))
    assert_built_here(pair, right, read_in_time(pair))


def test_a_checkpoint_is_fetched_when_the_server_is_absent(pair: Pair, tmp_path: Path) -> None:
    pair.write()
    pair.relay.change(None)
    (tmp_path / "checkpoint").write_bytes(CHECKPOINT)
    outcome = read_in_time(pair, f"--weights-distdirs={tmp_path}")
    assert outcome.exit_code == 0, outcome.output
    assert outcome.exports == [PROGRAM]
    assert sha256(CHECKPOINT).encode() in (pair.reader.pte() or b"")


def test_a_server_without_room(pair: Pair, folder: Path) -> None:
    """With a file system of 4 MB only for the server."""
    own_mounts = ["unshare", "--user", "--map-root-user", "--mount"]
    if not shutil.which("unshare") or subprocess.run([*own_mounts, "true"]).returncode:
        pytest.skip("this machine cannot give a process a separate file system (unshare)")
    server = Server(folder / "small", _casd_with_little_room(folder, own_mounts))
    with server.running():
        writing = {"PANTS_REMOTE_CACHE_WRITE": "true"}
        machine = make_stand_in_machine(folder / "third", server.address.url, writing)
        try:
            machine.set_variant(0, megabytes=8)
            outcome = machine.package()
        finally:
            machine.stop()
        assert outcome.exit_code == 0, outcome.output
        assert outcome.exports == [PROGRAM]
        assert b"variant 0" in (machine.pte() or b"")
        assert "Failed to write to remote cache" in outcome.output


def _casd_with_little_room(folder: Path, own_mounts: list[str]) -> Path:
    script = folder / "casd_with_little_room"
    script.write_text(
        "#!/bin/sh\n"
        f"""exec {' '.join(own_mounts)} /bin/sh -ec '
for folder in "$@"; do :; done
mount -t tmpfs -o size=4m little "$folder"
exec {find_casd()} "$@"' casd "$@"\n"""
    )
    script.chmod(0o755)
    return script


@contextmanager
def refusing(code: grpc.StatusCode) -> Iterator[Address]:
    class Refuse(grpc.GenericRpcHandler):
        def service(
            self, handler_call_details: grpc.HandlerCallDetails
        ) -> grpc.RpcMethodHandler[bytes, bytes] | None:
            def refuse(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
                context.abort(code, "a test refuses")
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
